# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GLSL sources of the shader programs: skin, accessories, eyes, shadow map, background."""

_HEADER = "#version 330 core\n"

_PLACE = """
uniform mat3 turn;      // head to camera
uniform vec3 origin;    // sellion, head frame
uniform vec3 position;  // sellion, camera frame
uniform mat4 projection;      // camera frame to clip space
uniform mat4 light_matrix; // head frame to the lamp's clip space
"""

_IRRADIANCE = """
uniform vec3 irr[9];        // irradiance / pi, head frame

vec3 env(vec3 n) {
    vec3 e = irr[0] * 0.282095
        + 0.488603 * (irr[1] * n.y + irr[2] * n.z + irr[3] * n.x)
        + irr[4] * (1.092548 * n.x * n.y) + irr[5] * (1.092548 * n.y * n.z)
        + irr[6] * (0.315392 * (3.0 * n.z * n.z - 1.0)) + irr[7] * (1.092548 * n.x * n.z)
        + irr[8] * (0.546274 * (n.x * n.x - n.y * n.y));
    return max(e, vec3(0.02) * irr[0]);
}
"""

_LIGHT = (
    _IRRADIANCE
    + """
uniform vec3 lamp_dir;      // towards the lamp, head frame
uniform vec3 lamp_colour;
uniform float lamp_on;
uniform sampler2D shadow;
uniform vec3 eye;           // camera centre, head frame
uniform float exposure;

float lit(vec4 at) {
    if (lamp_on < 0.5) return 0.0;
    vec3 p = at.xyz / at.w * 0.5 + 0.5;
    float z = p.z - 0.006;
    float s = 0.0;
    for (int i = 0; i < 4; ++i) {
        vec2 o = vec2(float(i & 1) - 0.5, float(i >> 1) - 0.5) * 0.006;
        s += texture(shadow, p.xy + o).r > z ? 0.25 : 0.0;
    }
    return s;
}

vec3 shown(vec3 c) {
    c *= exposure;
    c = c * (1.0 + c * 0.12) / (1.0 + c * 0.75);  // a soft shoulder
    return pow(max(c, vec3(0.0)), vec3(1.0 / 2.2));
}
"""
)

SKIN_VERTEX = (
    _HEADER
    + _PLACE
    + _IRRADIANCE
    + """
in vec3 in_pos; in vec3 in_normal; in vec2 in_uv; in vec4 in_mask;
in vec4 in_prt0; in vec4 in_prt1; in float in_prt2; in vec3 in_normal0;
out vec3 v_pos; out vec3 v_normal; out vec2 v_uv; out vec4 v_mask; out vec3 v_env;
out float v_open; out vec4 v_lamp;

void main() {
    vec3 cam = turn * (in_pos - origin) + position;
    gl_Position = projection * vec4(cam, 1.0);
    v_pos = in_pos; v_normal = in_normal; v_uv = in_uv; v_mask = in_mask;
    // prt holds transfer over the cosine lobe's own factor: shadowed light where the neutral
    // head shadows itself, corrected for how the skin has turned since.
    vec3 e = irr[0] * in_prt0.x + irr[1] * in_prt0.y + irr[2] * in_prt0.z + irr[3] * in_prt0.w
        + irr[4] * in_prt1.x + irr[5] * in_prt1.y + irr[6] * in_prt1.z + irr[7] * in_prt1.w
        + irr[8] * in_prt2;
    vec3 turned = clamp(env(in_normal) / env(in_normal0), vec3(0.5), vec3(2.0));
    v_env = max(e, vec3(0.01) * irr[0]) * turned;
    v_open = clamp(in_prt0.x / 0.282095, 0.0, 1.0);
    v_lamp = light_matrix * vec4(in_pos, 1.0);
}
"""
)

SKIN_FRAGMENT = (
    _HEADER
    + _LIGHT
    + """
uniform sampler2DArray details;
uniform sampler2D noise;
uniform float layer; uniform float other; uniform float mix_other; uniform float mirrored;
uniform vec3 base; uniform float contrast; uniform float gloss;
uniform float stubble; uniform float buzz; uniform float hairline;
uniform vec3 hair_colour; uniform float makeup;
uniform float seed;
in vec3 v_pos; in vec3 v_normal; in vec2 v_uv; in vec4 v_mask; in vec3 v_env;
in float v_open; in vec4 v_lamp;
out vec4 colour;

vec3 detail(float which, vec2 uv) {
    vec3 d = texture(details, vec3(uv, which)).rgb;
    return 2.5 * d * d;
}

void main() {
    vec3 n = normalize(v_normal);
    vec2 uv = vec2(mirrored > 0.5 ? 1.0 - v_uv.x : v_uv.x, v_uv.y);
    vec3 d = vec3(1.0);
    if (v_uv.x < 1.0) {
        d = detail(layer, uv);
        if (mix_other > 0.01) {
            float own = clamp(v_mask.z + v_mask.w, 0.0, 1.0);
            vec2 c = abs(v_uv - vec2(0.5, 0.72)) / vec2(0.23, 0.06);
            own = max(own, 1.0 - smoothstep(0.8, 1.2, max(c.x, c.y)));
            d = mix(d, detail(other, v_uv), mix_other * (1.0 - own));
        }
        d = pow(d, vec3(contrast));
    }
    vec4 grain = texture(noise, v_pos.yz * 6.0 + v_pos.xx * vec2(3.1, 2.3) + seed);
    vec3 albedo = base * d * (0.93 + 0.14 * grain.x);
    // Lips with paint, skin with stubble, scalp with short hair.
    albedo = mix(albedo, albedo * vec3(1.15, 0.45, 0.5), makeup * v_mask.z);
    float coarse = texture(noise, v_pos.yz * 1.3 + v_pos.xx + seed * 3.0).y;
    float hairs = texture(noise, v_pos.yz * 16.0 + v_pos.xx * 9.0).z;
    float b = stubble * smoothstep(0.1, 1.0, v_mask.y * (0.6 + 0.6 * coarse))
        * (0.25 + 1.1 * hairs);
    albedo = mix(albedo, hair_colour * (0.7 + 0.6 * hairs), clamp(b, 0.0, 0.92));
    float grown = v_mask.x * 0.75 + 0.5 * (coarse - 0.5) + 0.12;
    float s = buzz * smoothstep(hairline, hairline + 0.4, grown)
        * (0.75 + 0.5 * hairs);
    albedo = mix(albedo, hair_colour * (0.6 + 0.8 * hairs), clamp(s, 0.0, 0.96));

    vec3 to_eye = normalize(eye - v_pos);
    float facing = clamp(dot(n, to_eye), 0.0, 1.0);
    vec3 result = albedo * v_env;
    float fresnel = 0.03 + 0.28 * pow(1.0 - facing, 5.0);
    float shine = gloss * (1.0 - clamp(b + s, 0.0, 0.8)) * (0.6 + 0.8 * grain.y);
    shine *= 1.0 + 1.2 * v_mask.z;
    result += env(reflect(-to_eye, n)) * fresnel * shine * v_open * 0.8;
    if (lamp_on > 0.5) {
        float l = dot(n, lamp_dir);
        vec3 wrap = vec3(0.22, 0.1, 0.06);  // light that comes back out of skin beside a shadow
        vec3 diffuse = clamp((vec3(l) + wrap) / (1.0 + wrap), 0.0, 1.0);
        float open = lit(v_lamp);
        vec3 soft = mix(vec3(open), sqrt(vec3(open)), vec3(0.5, 0.2, 0.1));
        vec3 h = normalize(lamp_dir + to_eye);
        float nh = max(dot(n, h), 0.0);
        float spec = (0.5 * pow(nh, 14.0) + 1.6 * pow(nh, 48.0)) * (fresnel + 0.02) * 4.0;
        result += lamp_colour * (albedo * diffuse * soft + spec * shine * open * max(l, 0.0));
    }
    colour = vec4(shown(result), 1.0);
}
"""
)

PIECE_VERTEX = (
    _HEADER
    + _PLACE
    + """
in vec3 in_pos; in vec3 in_normal; in vec2 in_uv;
out vec3 v_pos; out vec3 v_normal; out vec2 v_uv; out vec4 v_lamp;
void main() {
    vec3 cam = turn * (in_pos - origin) + position;
    gl_Position = projection * vec4(cam, 1.0);
    v_pos = in_pos; v_normal = in_normal; v_uv = in_uv; v_lamp = light_matrix * vec4(in_pos, 1.0);
}
"""
)

PIECE_FRAGMENT = (
    _HEADER
    + _LIGHT
    + """
uniform vec3 base; uniform float alpha; uniform float gloss; uniform int pattern;
uniform sampler2D picture; uniform float textured; uniform float cut; uniform float seed;
uniform sampler2D noise; uniform vec3 deep; uniform float depth_shade;
in vec3 v_pos; in vec3 v_normal; in vec2 v_uv; in vec4 v_lamp;
out vec4 colour;
void main() {
    float a = alpha;
    vec3 albedo = base;
    if (textured > 0.5) {
        vec4 t = texture(picture, v_uv);
        a *= t.a;
        albedo *= 0.15 + 1.7 * t.rgb;
    }
    vec4 grain = texture(noise, v_uv * vec2(3.0, 3.0) + seed);
    if (pattern == 1) {
        // Strands run along v; the ends are thin.
        float strand = texture(noise, vec2(v_uv.x * 6.0, v_uv.y * 0.35) + seed).x;
        float fine = texture(noise, vec2(v_uv.x * 17.0, v_uv.y * 0.5) + seed).y;
        albedo *= 0.45 + 1.1 * strand * fine + 0.25 * fine;
    } else if (pattern == 2) {
        albedo *= 0.8 + 0.4 * grain.x;
    } else if (pattern == 3) {
        // One shell of fur: denser below, v is the height of the shell.
        float f = texture(noise, v_pos.yz * 9.0 + v_pos.xx * 7.0 + seed).z;
        float g = texture(noise, v_pos.yz * 2.2 + v_pos.xx * 1.7 + seed).y;
        float dense = v_uv.x * (0.45 + 0.9 * f + 0.5 * g) - 0.25 * g;
        a *= smoothstep(v_uv.y * 0.9, v_uv.y * 0.9 + 0.25, dense);
        albedo *= (0.45 + 0.75 * v_uv.y) * (0.6 + 0.8 * f);
    } else if (pattern == 4) {
        // Lashes: hairs side by side, seen through.
        float f = texture(noise, v_uv * vec2(2.3, 2.3)).z;
        a *= smoothstep(0.25, 0.75, f);
    }
    if (a < cut) discard;
    if (cut < 0.0 && a > -cut) discard;
    vec3 n = normalize(v_normal);
    vec3 to_eye = normalize(eye - v_pos);
    if (dot(n, to_eye) < 0.0) n = -n;
    float deepness = clamp((v_pos.x - deep.x) / deep.y, 0.0, 1.0);
    float shade = mix(1.0, 0.02 + 0.8 * deepness * deepness, depth_shade);
    vec3 result = albedo * env(n) * shade;
    float fresnel = 0.04 + 0.4 * pow(1.0 - clamp(dot(n, to_eye), 0.0, 1.0), 5.0);
    result += env(reflect(-to_eye, n)) * fresnel * gloss * shade;
    if (lamp_on > 0.5) {
        float l = dot(n, lamp_dir);
        float open = lit(v_lamp) * shade;
        vec3 h = normalize(lamp_dir + to_eye);
        float wrap = pattern == 1 || pattern == 3 ? 0.4 : 0.0;
        float diffuse = clamp((l + wrap) / (1.0 + wrap), 0.0, 1.0);
        result += lamp_colour * open * (albedo * diffuse
            + gloss * 1.5 * fresnel * pow(max(dot(n, h), 0.0), 40.0) * step(0.0, l));
    }
    colour = vec4(shown(result), a);
}
"""
)

EYE_VERTEX = (
    _HEADER
    + _PLACE
    + """
uniform vec3 centre; uniform float radius; uniform mat3 eye_turn;
in vec3 in_pos;
out vec3 v_pos; out vec3 v_local; out vec4 v_lamp;
void main() {
    v_local = in_pos;
    v_pos = centre + eye_turn * in_pos * radius;
    vec3 cam = turn * (v_pos - origin) + position;
    gl_Position = projection * vec4(cam, 1.0);
    v_lamp = light_matrix * vec4(v_pos, 1.0);
}
"""
)

EYE_FRAGMENT = (
    _HEADER
    + _LIGHT
    + """
uniform sampler2DArray irises; uniform float iris; uniform vec3 tint; uniform float pupil;
uniform vec3 centre; uniform float radius; uniform mat3 eye_turn; uniform vec2 iris_size;
uniform float lid_low; uniform float lid_high;
in vec3 v_pos; in vec3 v_local; in vec4 v_lamp;
out vec4 colour;
void main() {
    // Local axes: x along the gaze. The cornea is clear: follow the view down to the iris.
    vec3 to_eye = normalize(transpose(eye_turn) * (eye - v_pos));
    vec3 l = normalize(v_local);
    float plane = iris_size.y;  // where the iris lies, in radii
    float r_iris = iris_size.x;
    vec2 q = l.yz;
    float limbus = length(l.yz) / r_iris;
    if (limbus < 1.0 && to_eye.x > 0.05) {
        vec3 seen = l - to_eye * max((l.x - plane) / to_eye.x, 0.0) * 0.75;
        q = seen.yz;
    }
    float r = length(q) / r_iris;
    // The pupil's size bends the picture inside the iris.
    float bent = r < 1.0 ? mix(r, (r < pupil ? r / pupil * 0.24
        : 0.24 + (r - pupil) / (1.0 - pupil) * 0.76), 1.0) : r;
    vec2 uv = 0.5 + normalize(q + 1e-6) * bent / 2.4 * 0.5;
    vec3 t = texture(irises, vec3(uv, iris)).rgb;
    t = t * t;
    float inside = 1.0 - smoothstep(0.92, 1.04, r);
    vec3 white = mix(vec3(0.72, 0.66, 0.62), t * 1.35, 0.5);
    white *= mix(vec3(1.0), vec3(0.9, 0.55, 0.5), smoothstep(0.55, 0.95, abs(l.y)) * 0.5);
    vec3 albedo = mix(white, t * tint, inside);
    albedo *= 1.0 - 0.5 * smoothstep(0.82, 0.98, r) * inside;
    // Lids shade the ball.
    float high = (v_pos.z - lid_low) / max(lid_high - lid_low, 1e-4);
    float shade = mix(0.35, 1.0, smoothstep(1.02, 0.55, high)) * mix(0.6, 1.0,
        smoothstep(-0.02, 0.2, high));
    vec3 n = normalize(v_pos - centre);
    vec3 bulge = normalize(n + 0.25 * inside * (eye_turn * vec3(0.0, l.yz)) / r_iris);
    vec3 view_dir = normalize(eye - v_pos);
    vec3 result = albedo * env(n) * shade;
    vec3 mirror = reflect(-view_dir, bulge);
    result += env(mirror) * 0.05 * shade;
    if (lamp_on > 0.5) {
        float open = lit(v_lamp);
        result += lamp_colour * open * shade * albedo * max(dot(n, lamp_dir), 0.0);
        vec3 h = normalize(lamp_dir + view_dir);
        result += lamp_colour * shade * 2.0 * pow(max(dot(bulge, h), 0.0), 350.0);
    }
    vec3 spot = normalize(vec3(0.75, 0.25, 0.6));
    float glint = max(dot(bulge, normalize(spot + view_dir)), 0.0);
    result += env(spot) * 1.5 * shade * pow(glint, 250.0);
    colour = vec4(shown(result), 1.0);
}
"""
)

SHADOW_VERTEX = (
    _HEADER
    + """
uniform mat4 light_matrix;
in vec3 in_pos;
void main() { gl_Position = light_matrix * vec4(in_pos, 1.0); }
"""
)
SHADOW_FRAGMENT = _HEADER + "void main() {}\n"

BACK_VERTEX = (
    _HEADER
    + """
in vec2 in_pos; out vec2 v_uv;
void main() { v_uv = in_pos * 0.5 + 0.5; gl_Position = vec4(in_pos, 1.0, 1.0); }
"""
)
BACK_FRAGMENT = (
    _HEADER
    + """
uniform sampler2D picture; in vec2 v_uv; out vec4 colour;
void main() { colour = vec4(texture(picture, v_uv).rgb, 1.0); }
"""
)
