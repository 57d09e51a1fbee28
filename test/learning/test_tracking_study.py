# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Comparison of trackers: association, lost time, step errors and tables, on made-up sequences."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the learning extra")

from atpn_ros import cli, geometry
from atpn_ros.bench import mediapipe_faces, peer_environment
from atpn_ros.landmark_layouts import to_ibug68
from atpn_ros.learning.config import ConfigError
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.evaluation.face_trackers import (
    MediaPipeTracker,
    OverlapIds,
    rotation_between,
)
from atpn_ros.learning.evaluation.step_errors import (
    FaceShape,
    StepError,
    common_jitter,
    step_error,
)
from atpn_ros.learning.evaluation.stored_tracks import stored_tracks
from atpn_ros.learning.evaluation.tracking_metrics import TrueFace
from atpn_ros.learning.evaluation.tracking_times import (
    counted_tracks,
    recall_by_size,
    tracking_times,
)
from atpn_ros.learning.studies import tracking_plan, tracking_study, tracking_tables
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box

PLAN = Path(__file__).parents[2] / "config" / "studies" / "tracking.yaml"
BLACK = np.zeros((48, 64, 3), np.uint8)


def shape(x: float = 0.0, yaw: float = 0.0) -> FaceShape:
    rotation = geometry.head_rotation(0.0, 0.0, yaw)
    points = to_ibug68((MEAN_HEAD @ rotation.T)[:, :2] * 600)
    return FaceShape(points + np.array([100 + x, 90]), rotation)


def test_a_face_keeps_its_id_while_it_overlaps_the_frame_before():
    ids = OverlapIds()
    assert ids.assign([Box(10, 10, 10, 10), Box(50, 10, 10, 10)]) == [1, 2]
    assert ids.assign([Box(52, 10, 10, 10), Box(12, 10, 10, 10)]) == [2, 1]
    assert ids.assign([Box(18, 10, 10, 10)]) == [3]  # 4 of 16 overlap
    assert ids.assign([]) == []
    assert ids.assign([Box(18, 10, 10, 10)]) == [4]  # there is no memory of earlier frames


def test_the_pair_with_the_largest_overlap_is_assigned_first():
    ids = OverlapIds()
    assert ids.assign([Box(10, 10, 10, 10)]) == [1]
    assert ids.assign([Box(14, 10, 10, 10), Box(11, 10, 10, 10)]) == [2, 1]


def test_the_rotation_between_points_is_independent_of_translation_and_scale():
    points = np.random.default_rng(0).normal(size=(20, 3))
    turn = geometry.head_rotation(0.1, -0.3, 0.5)
    assert np.allclose(rotation_between(points, points @ turn.T * 3 + 7), turn)


def people(*seen_by_frame: str) -> list[dict[int, TrueFace]]:
    """A frame per string: ``a`` is person 0, visible; ``A`` the same, hidden."""
    box = Box(10, 10, 10, 10)
    return [{"ab".index(c.lower()): TrueFace(box, c.islower()) for c in s} for s in seen_by_frame]


def test_times_before_and_after_a_person_is_first_tracked():
    truth = people("a", "ab", "ab", "Ab", "ab", "ab", "a")
    pairs = [{}, {}, {0: 1}, {}, {}, {0: 1}, {}]
    times = tracking_times(truth, pairs)
    assert times.found_after == (2,)  # person 1 is never found
    assert (times.untracked, times.longest, times.never, times.tracked) == (2, 1, 1, 2)


def test_recall_is_by_the_size_of_the_face():
    small, large = (TrueFace(Box(0, 0, side, side)) for side in (39, 80))
    hidden = TrueFace(Box(0, 0, 50, 50), counts=False)
    truth = [{0: small, 1: large, 2: hidden}, {0: small, 1: large}]
    recall = recall_by_size(truth, [{1: 5, 2: 6}, {0: 4, 1: 5}])
    assert recall["under 40"] == (50, 2)
    assert recall["80 and more"] == (100, 2)
    assert recall["40 to 60"] == (0, 0)


def test_a_clip_is_measured_by_the_number_of_its_people():
    clip = counted_tracks([(), (1,), (1, 2), (2, 3, 4), (), ()], 2)
    assert (clip.ids, clip.longest, clip.frames) == (4, 2, 6)
    assert clip.complete == pytest.approx(100 / 3)
    assert clip.too_many == pytest.approx(100 / 6)


def test_a_step_error_cancels_offsets_and_counts_lag():
    moved = step_error(shape(5, 0.2), shape(8, 0.3), shape(0), shape(3, 0.1))
    assert moved.rotation == pytest.approx(0, abs=1e-4)
    lagging = step_error(shape(0), shape(0), shape(0), shape(3, 0.1))
    assert lagging.rotation == pytest.approx(np.degrees(0.1))
    box = Box.around(shape(3).points)
    still = step_error(shape(0), shape(1), shape(3), shape(3))
    assert still.points == pytest.approx(100 / np.sqrt(box.width * box.height))


def test_jitter_is_compared_over_common_steps():
    a = {("x", 1): StepError(1.0, 2.0), ("x", 2): StepError(3.0, 4.0)}
    b = {("x", 2): StepError(5.0, 6.0), ("x", 3): StepError(9.0, 9.0)}
    first, second = common_jitter([a, b])
    assert (first.points.value, first.rotation.value) == (3.0, 4.0)
    assert (second.points.value, second.points.count) == (5.0, 1)
    assert common_jitter([a, {}])[0].points is None


class Scripted:
    """A tracker that returns given faces, frame by frame."""

    def __init__(self, name: str, faces: list[dict[int, FaceShape]]) -> None:
        self.name = self.version = name
        self._faces = faces
        self.runs = 0

    def track(self, frames):
        self.runs += 1
        return (faces for _, faces in zip(frames, self._faces, strict=False))


def test_tracks_are_stored_and_not_computed_again(tmp_path):
    tracker = Scripted("it", [{}, {3: shape(1.0), 4: shape(2.0)}, {}])
    path = tmp_path / "tracks" / "it.npz"
    first, again = (stored_tracks(path, tracker, lambda: [BLACK] * 3) for _ in range(2))
    assert tracker.runs == 1
    assert [sorted(faces) for faces in first] == [sorted(f) for f in again] == [[], [3, 4], []]
    assert np.array_equal(again[1][4].points, shape(2.0).points)


def a_sequence(folder: Path, count: int) -> None:
    (folder / "images").mkdir(parents=True)
    lines = []
    for n in range(count):
        rotation = geometry.head_rotation(0.0, 0.0, 0.0)
        points = (MEAN_HEAD @ rotation.T)[:, :2] * 600 + (100 + n, 90)
        face = {
            "id": 0, "landmarks98": points.tolist(), "visible98": [1] * 98,
            "box_xyxy": Box.around(points).xyxy, "crop_rotation": rotation.tolist(),
        }  # fmt: skip
        lines.append(json.dumps({"stamp_ns": n, "size": [200, 200], "faces": [face]}))
        cv2.imwrite(str(folder / "images" / f"{n:06d}.png"), BLACK)
    (folder / "truth.jsonl").write_text("\n".join(lines))


def a_clip(path: Path, count: int) -> None:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(count):
        video.write(BLACK)
    video.release()


def test_the_study_measures_all_systems_on_the_same_frames(tmp_path):
    a_clip(tmp_path / "clip.avi", 5)
    plan = tracking_plan.TrackingPlan(
        clip_frames=4,
        sequences=(tracking_plan.RenderedSequence(1, 1, 5.0),),
        clips=(tracking_plan.Clip("clip.avi", 1),),
    )
    a_sequence(tmp_path / "sequences" / plan.sequences[0].name, 5)
    tracking_plan.render_missing(plan, tmp_path, tmp_path / "sequences")  # none is missing
    good = Scripted("good", [{7: shape(n)} for n in range(5)])
    bad = Scripted("bad", [{}, {1: shape(1)}, {}, {2: shape(3)}, {2: shape(4.5)}])
    reports = tracking_study.run_study(plan, tmp_path, tmp_path, [good, bad], lambda _: None)

    metrics, times = reports["good"].sequences[tracking_study.ALL]
    assert (metrics.idf1, metrics.switches, times.found_after) == (100, 0, (0,))
    metrics, times = reports["bad"].sequences[tracking_study.ALL]
    assert (metrics.switches, metrics.lost) == (1, 1)
    assert (times.found_after, times.untracked) == ((1,), 1)
    for report, error in ((reports["good"], 0.0), (reports["bad"], 0.5)):  # the last step alone
        size = Box.around(shape().points)
        expected = 100 * error / np.sqrt(size.width * size.height)
        assert report.moving.points.count == 1
        assert report.moving.points.value == pytest.approx(expected, abs=1e-6)
    assert reports["good"].clips["clip"].complete == 100
    assert (reports["bad"].clips["clip"].frames, reports["bad"].clips["clip"].ids) == (4, 2)

    text = tracking_tables.tables(plan, reports)
    assert "| **all**: 1 people | good | 100.0 | 100.0 | 100.0 | 0.2 | 0 | 0 | 0.00 |" in text
    assert "| `clip` | 1 | 4 | good | 1.00 | 100.0 | 0.0 | 0 |" in text
    assert json.loads(json.dumps(tracking_study.as_json(reports)))["bad"]["clips"]["clip"]


def test_steps_of_a_still_face_are_between_frames_with_the_same_id():
    steps = tracking_study.still_steps(
        [{1: shape()}, {1: shape(1)}, {2: shape()}, {2: shape()}, {}]
    )
    assert sorted(steps) == [(1,), (3,)]
    assert steps[1,].points > steps[3,].points == 0


def test_a_missing_clip_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no\.mp4: missing"):
        list(tracking_plan.clip_frames(tmp_path / "no.mp4", 3)())


def test_the_plan_that_ships_is_valid(tmp_path):
    plan = tracking_plan.load_plan(PLAN)
    assert max(clip.people for clip in plan.clips) <= plan.max_faces
    assert max(s.people for s in plan.sequences) <= plan.max_faces
    empty = tmp_path / "empty.yaml"
    empty.write_text("max_faces: 4\n")
    with pytest.raises(ConfigError, match="needs sequences, clips or stills"):
        tracking_plan.load_plan(empty)
    empty.write_text("still_frames: 4\nstills: [a]\n")
    with pytest.raises(ConfigError, match="still_frames"):
        tracking_plan.load_plan(empty)


def test_two_items_of_a_plan_cannot_share_their_results(tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text("clips: [{file: a/x.mp4, people: 1}, {file: b/x.gif, people: 2}]\n")
    with pytest.raises(ConfigError, match="2 are named x"):
        tracking_plan.load_plan(plan)


@pytest.mark.parametrize("size", [(100, 50), (100, 300), (960, 1280)])
def test_a_still_is_centred_and_has_its_whole_height(size):
    image = np.zeros((*size, 3), np.uint8)
    image[:, 2 * size[1] // 5 : 3 * size[1] // 5] = 255
    out = tracking_plan.centred(image)
    assert out.shape == (480, 640, 3)
    assert np.all(out[:, 310:330] == 255)
    assert np.array_equal(out, out[:, ::-1])
    assert not out[:, 0].any()


FAKE = """
import sys, types
class Mesh:
    open = 0
    def __init__(self, static_image_mode, max_num_faces):
        assert not static_image_mode
        Mesh.open += 1
        assert Mesh.open == 1
        self.most, self.count = max_num_faces, 0
    def close(self):
        Mesh.open -= 1
    def process(self, image):
        # Red at full value shows that the colours are swapped.
        assert image.shape == (48, 64, 3) and tuple(image[0, 0]) == (255, 0, 0)
        self.count += 1
        point = types.SimpleNamespace(x=0.5, y=0.25, z=0.1 * self.count)
        face = types.SimpleNamespace(landmark=[point] * 468)
        return types.SimpleNamespace(multi_face_landmarks=[face] * self.most)
__version__ = "0"
solutions = types.SimpleNamespace(face_mesh=types.SimpleNamespace(FaceMesh=Mesh))
"""


def test_mediapipe_keeps_its_state_within_a_sequence_and_resets_it_for_the_next(
    tmp_path, monkeypatch
):
    runner = tmp_path / "runner.py"
    (tmp_path / "mediapipe.py").write_text(FAKE)
    source = Path(mediapipe_faces.__file__).with_name("mediapipe_runner.py").read_text()
    path = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
    runner.write_text(source.replace("import json\n", path + "import json\n", 1))
    monkeypatch.setattr(mediapipe_faces, "_RUNNER", runner)
    monkeypatch.setattr(mediapipe_faces, "_BATCH", 2)
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 2] = 255
    with mediapipe_faces.MediaPipeFaces(Path(sys.executable), 2) as process:
        assert process.name == "MediaPipe Face Mesh 0"
        for _ in range(2):
            depths = [[f[0, 2] for f in faces] for faces in process.track([red] * 3)]
            assert depths == [[6.4, 6.4], [12.8, 12.8], [19.2, 19.2]]
        (one, _), *_ = process.track([red])
        assert one[5].tolist() == [31.5, 11.5, 6.4]


def test_mediapipes_faces_have_ids_and_rotations():
    middle = np.array([100.0, 100.0, 0.0])
    mesh = np.random.default_rng(1).normal(size=(468, 3)) * 20 + middle
    turn = geometry.about_y(0.2)

    class Process:
        name, max_faces = "MediaPipe 0", 4

        def track(self, frames):
            yield [mesh]
            yield [3 * middle + mesh, (mesh - middle) @ turn.T + middle]

    first, second = MediaPipeTracker(Process()).track([])
    assert (list(first), list(second)) == ([1], [2, 1])
    assert np.allclose(first[1].rotation, np.eye(3))
    assert np.allclose(second[1].rotation, turn)
    assert second[1].points.shape == (68, 2)


def test_the_command_installs_mediapipe_for_a_given_interpreter_before_rendering(
    tmp_path, monkeypatch, capsys
):
    def unavailable(python):
        raise peer_environment.PeerUnavailable(f"not for {python}")

    monkeypatch.setattr(peer_environment, "mediapipe_python", unavailable)
    out = tmp_path / "out"
    words = ["measure-tracking", str(PLAN), "--data", str(tmp_path), "--out", str(out)]
    assert cli.main([*words, "--peer-python", "python3.12"]) != 0
    assert "not for python3.12" in capsys.readouterr().err
    assert not out.exists()
