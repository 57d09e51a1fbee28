# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch

from atpn_ros import landmark_layouts
from atpn_ros.engines import load_engine
from atpn_ros.engines.model_inspection import inspect_model
from atpn_ros.learning.data.batches import Truth
from atpn_ros.learning.export.onnx_export import export
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings, CheapHeatmap
from atpn_ros.learning.networks.gaze_head import HEIGHT, WIDTH, EyeGaze
from atpn_ros.learning.networks.landmark_refinement import (
    OFFSETS,
    SIZES,
    LandmarkRefinement,
    RefinementSize,
)
from atpn_ros.learning.training.checkpoints import update_ema
from atpn_ros.learning.training.losses import atpn_loss


def crops(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 128, 128, 3), dtype=torch.uint8, generator=generator)


def make_refinement_count(network: Atpn) -> None:
    """Give the outputs of the refinement, which begin at zero, weights."""
    for step in network.refinement:
        for weight in (step.local, step.out.weight):
            torch.nn.init.normal_(weight, std=0.2)
        torch.nn.init.normal_(network.pose_refinement.weight, std=0.1)


def test_a_training_step_keeps_to_the_networks_device(monkeypatch: pytest.MonkeyPatch) -> None:
    # The meta device stands in for a GPU: it computes nothing, and refuses tensors of the CPU.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    settings = AtpnSettings(gaze=True, own_presence=True, refinement="small")
    network, average = (Atpn(settings).to("meta").train() for _ in range(2))
    shapes = {
        "landmarks": (98, 2), "landmark_weight": (98,), "rotation": (3, 3), "gaze": (2, 3),
        "gaze_weight": (2,),
    }  # fmt: skip
    truth = Truth(*(torch.zeros(2, *shapes.get(f, ()), device="meta") for f in Truth._fields))
    losses = atpn_loss(network(torch.zeros_like(crops(2), device="meta")), truth)
    losses.total.backward()
    update_ema(average, network, 0.9)
    assert all(loss.device.type == "meta" for loss in losses)


@pytest.mark.parametrize(
    "settings",
    [
        AtpnSettings(),
        AtpnSettings(shortcut=False),
        AtpnSettings(heatmap="none", head_inputs="features"),
        AtpnSettings(heatmap="per_landmark"),
        AtpnSettings(head_inputs="heatmap"),
        AtpnSettings(points=False),
        AtpnSettings(gaze=True),
        AtpnSettings(refinement="small"),
        AtpnSettings(refinement="large"),
    ],
    ids=str,
)
def test_every_switch_gives_the_same_outputs(settings: AtpnSettings) -> None:
    network = Atpn(settings).eval()
    with torch.inference_mode():
        out = network(crops(3))
    assert out.landmarks.shape == (3, 98, 2)
    assert out.log_sigma.shape == (3, 98)
    assert out.presence.shape == (3,)
    if settings.gaze:
        assert torch.allclose(out.gaze.norm(dim=-1), torch.ones(3, 2), atol=1e-5)
    else:
        assert out.gaze is None
    identity = out.rotation @ out.rotation.transpose(1, 2)
    assert torch.allclose(identity, torch.eye(3).expand(3, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(out.rotation), torch.ones(3), atol=1e-5)


def test_heads_that_see_only_the_heatmap_need_one() -> None:
    with pytest.raises(ValueError, match="heatmap is none"):
        AtpnSettings(heatmap="none", head_inputs="heatmap")


def test_the_shortcut_and_the_heatmap_change_what_is_learned() -> None:
    count = {
        s: sum(p.numel() for p in Atpn(s).parameters())
        for s in (AtpnSettings(), AtpnSettings(shortcut=False),
                  AtpnSettings(heatmap="none", head_inputs="features"))
    }  # fmt: skip
    whole, without_shortcut, without_heatmap = count.values()
    assert without_shortcut < whole
    # The heatmap itself is drawn, not learned: what it costs is the convolutions that read it.
    assert 0 < whole - without_heatmap <= 0.01 * whole


def test_it_stays_within_its_budget() -> None:
    network = Atpn(AtpnSettings(gaze=True, own_presence=True, refinement="small"))
    assert sum(p.numel() for p in network.parameters()) <= 1_000_000


def test_the_heatmap_is_lies_on_the_landmarks_and_x_is_across() -> None:
    landmarks = torch.full((1, 98, 2), 0.5)
    landmarks[0, :, 0], landmarks[0, :, 1] = 0.8, 0.53
    one = CheapHeatmap(16, per_landmark=False)(landmarks)[0, 0]
    assert float(one.max()) <= 1.0
    steps = (torch.arange(16) + 0.5) / 16
    assert float((one.sum(0) * steps).sum() / one.sum()) == pytest.approx(0.8, abs=0.02)
    assert float((one.sum(1) * steps).sum() / one.sum()) == pytest.approx(0.53, abs=0.02)
    per_landmark = CheapHeatmap(16, per_landmark=True)(landmarks)
    assert per_landmark.shape == (1, 98, 16, 16)
    assert divmod(int(per_landmark[0, 7].argmax()), 16) == (8, 12)


def test_no_gradient_flows_from_the_heads_through_the_heatmap() -> None:
    network = Atpn(AtpnSettings(head_inputs="heatmap"))
    network(crops(2)).presence.sum().backward()
    assert network.maps.weight.grad is None


@pytest.mark.parametrize(
    ("gaze", "refinement"), [(False, "none"), (True, "none"), (True, "small"), (True, "large")]
)
def test_the_exported_model_says_what_the_network_says(
    tmp_path: Path, gaze: bool, refinement: str
) -> None:
    torch.manual_seed(3)
    network = Atpn(AtpnSettings(gaze=gaze, refinement=refinement))
    make_refinement_count(network)
    for _ in range(3):  # give the batch norms something to have seen
        network(crops(4))
    network.eval()
    path = tmp_path / "atpn.onnx"
    export(network, path)
    engine = load_engine(path, "onnx-cpu")
    for count in (1, 3):
        batch = crops(count, seed=count)
        with torch.inference_mode():
            expected = network(batch)
        out = engine.run(batch.numpy())
        assert np.abs(out.landmarks - expected.landmarks.numpy()).max() < 1e-4
        assert np.abs(out.rotation - expected.rotation.numpy()).max() < 1e-4
        assert np.abs(out.presence - expected.presence.sigmoid().numpy()).max() < 1e-4
        assert out.sigma is not None
        assert (out.gaze is not None) == gaze
        if out.gaze is not None:
            assert np.abs(out.gaze - expected.gaze.numpy()).max() < 1e-4
        assert np.abs(out.sigma - expected.log_sigma.exp().numpy()).max() < 1e-4


@pytest.mark.parametrize("gaze", [False, True])
def test_the_exported_graph_is_plain_enough_for_tensorrt(tmp_path: Path, gaze: bool) -> None:
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "atpn.onnx"
    export(Atpn(AtpnSettings(gaze=gaze, refinement="large" if gaze else "none")).eval(), path)
    assert inspect_model(path.read_bytes()).cast_first
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert not operators & {"Mod", "Shape", "Loop", "If", "NonZero", "Range"}


def test_mirrored_faces_look_to_mirrored_sides() -> None:
    """One set of weights reads both eyes: a mirrored crop swaps and mirrors the answers."""
    torch.manual_seed(1)
    eyes = EyeGaze().eval()
    x = torch.randn(2, 128, 128, 3)
    landmarks = torch.rand(2, 98, 2) * 0.3 + 0.35
    rotation = torch.linalg.qr(torch.randn(2, 3, 3)).Q
    signs = torch.tensor([[-1.0, 1.0, -1.0], [1.0, -1.0, 1.0], [1.0, -1.0, 1.0]])
    flipped = landmarks[:, list(landmark_layouts.MIRROR98)] * torch.tensor([-1.0, 1.0])
    flipped = flipped + torch.tensor([1.0, 0.0])
    with torch.inference_mode():
        plain, spread = eyes(x, landmarks, rotation.reshape(2, 9))
        mirrored, mirrored_spread = eyes(x.flip(2), flipped, (rotation * signs).reshape(2, 9))
    back = mirrored.flip(1) * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(plain, back, atol=1e-4)
    assert torch.allclose(spread, mirrored_spread.flip(1), atol=1e-4)


def eye_patches(x: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
    eyes = EyeGaze()
    return eyes.patches(x, landmarks.reshape(len(x), -1) @ eyes.lids)


def test_an_eyes_patch_is_what_lies_around_the_eye() -> None:
    x = torch.zeros(1, 128, 128, 3)
    x[0, 40, 50], x[0, 40, 80] = 1.0, 2.0
    landmarks = torch.full((1, 98, 2), 0.5)
    landmarks[:, list(landmark_layouts.RIGHT_EYE)] = (torch.tensor([50.0, 40.0]) + 0.5) / 128
    landmarks[:, list(landmark_layouts.LEFT_EYE)] = (torch.tensor([80.0, 40.0]) + 0.5) / 128
    patches = eye_patches(x, landmarks)
    assert patches.shape == (2, 3, HEIGHT, WIDTH)
    for patch, value in zip(patches, (1.0, 2.0), strict=True):
        top = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
        row, column = divmod(int(patch[0].argmax()), WIDTH)
        assert abs(row - top[0]) <= 1
        assert abs(column - top[1]) <= 1
        assert 0 < float(patch.max()) <= value


def test_an_eyes_patch_is_empty_outside_the_crop() -> None:
    x = torch.ones(2, 128, 128, 3)
    landmarks = torch.full((2, 98, 2), 0.5)
    landmarks[0, list(landmark_layouts.RIGHT_EYE), 1] = 0.0
    landmarks[1, list(landmark_layouts.LEFT_EYE), 1] = 1.0
    upper, _, _, lower = eye_patches(x, landmarks).mean((1, 3))
    assert upper[0] == pytest.approx(0.0)
    assert upper[-1] == pytest.approx(1.0)
    assert lower[0] == pytest.approx(1.0)
    assert lower[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("size", SIZES["large"], ids=str)
def test_landmarks_are_sampled_where_they_lie(size: RefinementSize) -> None:
    torch.manual_seed(2)
    refinement, side = LandmarkRefinement(5, 7, size), size.side
    maps = torch.randn(3, 5, side, side)
    landmarks = torch.rand(3, 98, 2) * 1.2 - 0.1
    # Samples stay inside: within one and a half cells of the border a landmark is moved.
    inside = landmarks.clamp(1.5 / side, 1 - 1.51 / side)
    places = inside[:, :, None] + torch.tensor(OFFSETS) / side
    expected = torch.nn.functional.grid_sample(
        refinement.project(maps), places * 2 - 1, align_corners=False
    )
    found = refinement.samples(maps, landmarks)
    assert torch.allclose(found, expected.permute(0, 2, 3, 1), atol=1e-4)


def test_an_untrained_refinement_changes_nothing() -> None:
    torch.manual_seed(4)
    plain = Atpn(AtpnSettings(width=8)).eval()
    refined = Atpn(AtpnSettings(width=8, refinement="small")).eval()
    refined.load_state_dict(plain.state_dict(), strict=False)
    with torch.inference_mode():
        for a, b in zip(plain(crops(2))[:4], refined(crops(2))[:4], strict=True):
            assert torch.allclose(a, b, atol=1e-5)
        make_refinement_count(refined)
        changed = refined(crops(2))
        before = plain(crops(2))
    assert not torch.allclose(changed.landmarks, before.landmarks, atol=1e-4)
    assert not torch.allclose(changed.rotation, before.rotation, atol=1e-4)
    # Presence is computed from the landmarks before the refinement.
    assert torch.allclose(changed.presence, before.presence, atol=1e-5)


def test_a_refinement_leaves_the_alignment_its_gradient() -> None:
    network = Atpn(AtpnSettings(width=8, refinement="large"))
    make_refinement_count(network)
    network(crops(2)).landmarks.sum().backward()
    trained = [network.correction, *(step.out for step in network.refinement)]
    assert all(layer.weight.grad.abs().sum() > 0 for layer in trained)


def test_outputs_are_of_full_precision_where_features_are_not() -> None:
    network = Atpn(AtpnSettings(width=8, gaze=True, own_presence=True, refinement="small"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(crops(2))
    assert all(values.dtype == torch.float32 for values in out)


def test_an_export_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network = Atpn(AtpnSettings(width=4)).train()
    export(network, tmp_path / "atpn.onnx")
    assert network.training
    assert network.pose.weight.requires_grad
