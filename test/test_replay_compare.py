# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``atpn replay --diff`` says of two bags of made-up answers."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install rosbags")

from atpn_ros.cli import main
from atpn_ros.conversions import messages
from atpn_ros.geometry import head_rotation
from atpn_ros.replay.bags import new_bag
from atpn_ros.replay.compare import compare
from atpn_ros.replay.message_types import OUTPUT_TYPES, message_types, replay_typestore
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource, HeadPose
from fakes import FACE

STORE = replay_typestore()
KINDS = message_types(STORE)


def face(number=1, x=100.0, turn=0.0, z=1.0, state=FaceState.TRACKED):
    rotation = head_rotation(0, 0, turn)
    points = FACE * 40 + (x, 120.0)
    pose = HeadPose(rotation, np.array([0, 0, z]), np.zeros((6, 6)))
    gaze = Gaze(rotation[:, 0], GazeSource.HEAD, 0.5)
    return Face(number, state, Box.around(points), 0.9, 0, 0, points, None, pose, gaze)


def bag(path, frames, node="/face_node", only=("boxes", "landmarks", "head_poses", "gazes")):
    """A bag with the answers about images 0, 1, ...; None: not answered."""
    with new_bag(path) as out:
        for name in only:
            topic = out.add(f"{node}/{name}", OUTPUT_TYPES[name], STORE)
            for n, faces in enumerate(frames):
                if faces is None:
                    continue
                header = KINDS.Header(frame_id="camera")
                messages.set_time(header.stamp, n * 10**8)
                frame = FaceFrame(n * 10**8, "camera", 320, 240, tuple(faces))
                message = getattr(messages, name)(KINDS, frame, header)
                out.write(topic, n, STORE.serialize_cdr(message, OUTPUT_TYPES[name]))
    return path


def difference(tmp_path, first, second):
    return compare(bag(tmp_path / "a", first), bag(tmp_path / "b", second))


def changed(d, **within):
    return d.changed(**({"px": 0.01, "deg": 0.01, "metres": 0.001, "common": False} | within))


def test_the_same_answers_are_the_same(tmp_path):
    frames = [[face(1), face(2, 250)], [], [face(1)]]
    d = difference(tmp_path, frames, frames)
    assert (d.images, d.faces, d.lost, d.gained, d.other_ids, d.unlike) == (3, 3, 0, 0, 0, 0)
    assert d.landmarks.worst == d.rotation.worst == d.gaze.worst == d.position.worst == 0
    assert not changed(d)


def test_faces_are_gained_and_lost(tmp_path):
    d = difference(
        tmp_path, [[face(1), face(2, 250)], [face(1)]], [[face(1)], [face(1), face(3, 250)]]
    )
    assert (d.faces, d.lost, d.gained) == (2, 1, 1)
    assert changed(d)


def test_a_face_that_was_lost_does_not_count(tmp_path):
    gone = replace(face(2, 250, state=FaceState.LOST), landmarks=None, pose=None, gaze=None)
    d = difference(tmp_path, [[face(1), gone]], [[face(1)]])
    assert not changed(d)


def test_another_id_is_seen_though_the_face_is_the_same(tmp_path):
    d = difference(tmp_path, [[face(1), face(2, 250)]], [[face(2), face(1, 250)]])
    assert (d.faces, d.other_ids, d.landmarks.worst) == (2, 2, 0)
    assert changed(d)


def test_how_far_and_where_is_told(tmp_path):
    d = difference(
        tmp_path,
        [[face(1)], [face(1)]],
        [[face(1)], [face(1, x=103.0, turn=np.radians(2), z=1.25)]],
    )
    assert d.landmarks.worst == pytest.approx(3, abs=1e-4)
    assert d.landmarks.median == pytest.approx(1.5, abs=1.5)
    assert d.rotation.worst == pytest.approx(2, abs=1e-4)
    assert d.gaze.worst == pytest.approx(2, abs=1e-4)
    assert d.position.worst == pytest.approx(0.25)
    assert d.landmarks.worst_at == (10**8, 1)
    assert changed(d)
    assert not changed(d, px=4, deg=3, metres=0.3)
    assert changed(d, px=4, deg=3)


def test_images_that_only_one_answered(tmp_path):
    d = difference(tmp_path, [[face()], None, [face()]], [[face()], [face()], None])
    assert (d.images, d.only_first, d.only_second) == (1, 1, 1)
    assert changed(d)
    assert not changed(d, common=True)


def test_a_part_that_only_one_gives_is_a_change(tmp_path):
    here = face()
    nowhere = replace(here, pose=replace(here.pose, position=None))
    d = difference(tmp_path, [[here]], [[nowhere]])
    assert d.unlike == 1
    assert changed(d)


def test_nodes_are_paired_by_name_unless_each_bag_has_one(tmp_path):
    a = bag(tmp_path / "a", [[face()]])
    b = bag(tmp_path / "b", [[face()]], node="/left/face_node")
    assert compare(a, b).faces == 1


@pytest.mark.parametrize(("shift", "code", "word"), [(0.0, 0, "the same"), (0.5, 1, "changed")])
def test_exit_codes_for_a_robot(tmp_path, capsys, shift, code, word):
    a, b = bag(tmp_path / "a", [[face()]]), bag(tmp_path / "b", [[face(x=100 + shift)]])
    assert main(["replay", "--diff", str(a), str(b), "--json", str(tmp_path / "d.json")]) == code
    assert capsys.readouterr().out.splitlines()[-1] == word
    written = json.loads((tmp_path / "d.json").read_text())
    assert written["changed"] == bool(code)
    assert written["landmarks"]["worst"] == pytest.approx(shift, abs=1e-4)


def test_what_cannot_be_compared_has_a_code_of_its_own(tmp_path, capsys):
    a, none = bag(tmp_path / "a", [[face()]]), bag(tmp_path / "none", [], only=())
    assert main(["replay", "--diff", str(a), str(none)]) == 2
    assert "none: contains no outputs of a face_node" in capsys.readouterr().err
    assert main(["replay", "--diff", str(a), str(tmp_path / "gone")]) == 2
    assert main(["replay", "--diff", str(a)]) == 2
    nowhere = str(tmp_path / "gone" / "d.json")
    capsys.readouterr()
    assert main(["replay", "--diff", str(a), str(a), "--json", nowhere]) == 2
    assert f"--json {nowhere}: No such file or directory" in capsys.readouterr().err
