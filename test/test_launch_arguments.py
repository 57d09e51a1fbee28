# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch arguments: values are checked and unknown names refused, alone and with ROS's launch."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atpn_ros.node import launch_arguments
from atpn_ros.settings import CONSTRAINTS, SettingsError

LAUNCH = Path(__file__).parents[1] / "launch"
ONE = LAUNCH / "atpn.launch.py"
KNOWN = ("max_faces", "image_topic", "detector_model")
GIVEN = dict.fromkeys(CONSTRAINTS, launch_arguments.UNSET)


def test_an_unknown_name_is_refused_where_the_file_is_the_one_that_was_started() -> None:
    command = ["ros2", "launch", "atpn_ros", "atpn.launch.py", "max_face:=2"]
    with pytest.raises(SettingsError, match="max_face: no such launch argument; did you mean max_"):
        launch_arguments.check_names(str(ONE), ["max_face:=2"], KNOWN, command)
    launch_arguments.check_names(str(ONE), ["max_faces:=2"], KNOWN, command)
    # Another launch file that includes it has arguments of its own.
    other = ["ros2", "launch", "mine", "bringup.launch.py", "max_face:=2"]
    launch_arguments.check_names(str(ONE), ["max_face:=2"], KNOWN, other)


def test_what_is_not_given_is_left_to_the_file_and_an_empty_text_undoes_it(tmp_path: Path) -> None:
    assert launch_arguments.settings_from(GIVEN) == {}
    given = GIVEN | {"tf_prefix": "", "model": "", "max_faces": "", "backend": "", "memory": "2"}
    assert launch_arguments.settings_from(given) == {"tf_prefix": "", "model": "", "memory": 2.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_faces": "many"}, "max_faces: 'many' is not of type int"),
        ({"max_faces": "99"}, "max_faces: 99 is not in 1 .. 64"),
        ({"smoothing": "1"}, "smoothing: '1' is neither true nor false"),
        ({"backend": "abacus"}, "backend: 'abacus' is none of auto"),
        ({"tf_prefix": "bad prefix/"}, "tf_prefix: 'bad prefix/'"),
        ({"start_presence": "0.2"}, "less than keep_presence"),
        ({"use_sim_time": "1"}, "use_sim_time: '1' is neither true nor false"),
        ({"params_file": "/nowhere.yaml"}, "/nowhere.yaml: No such file"),
    ],
)
def test_a_wrong_value_is_refused(change: dict[str, str], words: str) -> None:
    given = GIVEN | {"use_sim_time": "false", "params_file": "none"} | change
    with pytest.raises(SettingsError, match=words):
        launch_arguments.node_parameters(given, "", given["params_file"], given["use_sim_time"])


def test_the_file_and_the_arguments_are_checked_together(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("/front/face_node:\n  ros__parameters: {keep_presence: 0.65}\n")
    given = GIVEN | {"start_presence": "0.6"}
    with pytest.raises(SettingsError, match="less than keep_presence"):
        launch_arguments.node_parameters(given, "front", str(path), "false")
    taken = launch_arguments.node_parameters(given, "rear", str(path), "true")
    assert taken == [str(path), {"start_presence": 0.6, "use_sim_time": True}]
    for unset, expected in ((launch_arguments.UNSET, {}), ("false", {"use_sim_time": False})):
        taken = launch_arguments.node_parameters(GIVEN, "rear", str(path), unset)
        assert taken == [str(path), expected]


def test_descriptions_give_choices_range_and_default() -> None:
    assert launch_arguments.description("backend").endswith("onnx-cpu; default auto)")
    assert launch_arguments.description("max_faces").endswith("(1 .. 64; default 8)")
    assert launch_arguments.description("smoothing").endswith("(true | false; default true)")
    assert launch_arguments.description("tf_prefix").endswith("(text; default empty)")


@pytest.mark.parametrize("text", ["", " ", "front front", "1st", "a b/", "front rear!"])
def test_names_of_cameras_that_are_none_are_refused(text: str) -> None:
    if text == "a b/":
        assert launch_arguments.camera_names(text) == ["a", "b"]
        return
    with pytest.raises(SettingsError, match=r"^cameras: "):
        launch_arguments.camera_names(text)


def test_the_drivers_get_their_own_names_for_the_same_things() -> None:
    given = {"device": "/dev/video2", "width": "1280", "height": "720", "rate": "30",
             "frame_id": "eye", "camera_info_url": "file:///a.yaml"}  # fmt: skip
    usb = launch_arguments.driver_parameters("usb_cam", given)
    assert (usb["image_width"], usb["framerate"], usb["frame_id"]) == (1280, 30.0, "eye")
    v4l2 = launch_arguments.driver_parameters("v4l2_camera", given)
    assert (v4l2["image_size"], v4l2["camera_frame_id"]) == ([1280, 720], "eye")
    assert usb["video_device"] == v4l2["video_device"] == "/dev/video2"
    with pytest.raises(SettingsError, match="width: '-1' is not a positive"):
        launch_arguments.driver_parameters("usb_cam", given | {"width": "-1"})


# With ROS's launch -------------------------------------------------------------------------------

START = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

file, *words = sys.argv[1:]
service = LaunchService(argv=words)
pairs = [tuple(word.split(":=", 1)) for word in words]
service.include_launch_description(
    LaunchDescription(
        [IncludeLaunchDescription(PythonLaunchDescriptionSource(file), launch_arguments=pairs)]
    )
)
sys.exit(service.run())
"""
"""What ``ros2 launch FILE NAME:=VALUE ...`` does."""


def needs_launch() -> None:
    for name in ("launch.launch_description_sources", "launch_ros.actions"):
        pytest.importorskip(name, reason="needs ROS's launch, which has no wheel")


def environment() -> dict[str, str]:
    """As a sourced workspace has it, also where ROS comes from wheels."""
    folder = str(Path(sys.executable).parent)
    return {
        "AMENT_PREFIX_PATH": sys.prefix,
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }


def started(file: Path, *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    needs_launch()
    return subprocess.run(
        [sys.executable, "-c", START, str(file), *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment(),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["max_face:=2"], "max_face: no such launch argument; did you mean max_faces?"),
        (["detector:=atpn"], "did you mean detector_model?"),
        (["use_sim_time:=1"], "use_sim_time: '1' is neither true nor false"),
        (["params_file:=/nowhere.yaml"], "/nowhere.yaml: No such file or directory"),
        (["dds_profile:=/nowhere.xml"], "dds_profile: /nowhere.xml: no such file"),
        (["tf_prefix:=bad prefix/"], "tf_prefix: 'bad prefix/'"),
        (["start_presence:=0.1"], "less than keep_presence"),
        (["log_level:=loud"], "log_level: 'loud' is none of debug, info"),
        (["image_topic:=/my topic"], "image_topic: '/my topic' is not a topic"),
        (["image_topic:=/2nd/image"], "image_topic: '/2nd/image' is not a topic"),
        (["camera_info_topic:="], "camera_info_topic: '' is not a topic"),
        (["respawn:=yes"], "respawn: 'yes' is neither true nor false"),
    ],
)
def test_launch_ends_with_the_reason(words: list[str], said: str) -> None:
    result = started(ONE, *words)
    assert result.returncode != 0
    assert said in result.stderr + result.stdout
    assert "process started" not in result.stderr + result.stdout


def test_a_typo_in_a_parameter_file_ends_the_launch(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("face_node:\n  ros__parameters: {max_face: 2}\n")
    result = started(ONE, f"params_file:={path}")
    assert "max_face: no such setting; did you mean max_faces?" in result.stderr + result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cameras:=front", "image_topic:=/x"], "image_topic: no such launch argument"),
        (["cameras:=front", "max_face:=2"], "did you mean max_faces?"),
        (["cameras:=front front"], "cameras: front is given twice"),
        (["cameras:=front", "max_faces:=999"], "max_faces: 999 is not in 1 .. 64"),
    ],
)
def test_launch_of_several_cameras_ends_with_the_reason(words: list[str], said: str) -> None:
    result = started(LAUNCH / "cameras.launch.py", *words)
    assert result.returncode != 0
    assert said in result.stderr + result.stdout


def lines_until(process: subprocess.Popen[str], word: str, times: int, seconds: float) -> list[str]:
    """Lines of a running launch, up to the one that has the word for so many times."""
    assert process.stdout is not None
    lines: list[str] = []
    end = time.monotonic() + seconds
    while times and time.monotonic() < end:
        line = process.stdout.readline()
        if not line:
            break
        lines.append(line)
        times -= word in line
    assert times == 0, "".join(lines)
    return lines


@pytest.mark.parametrize("words", [[], ["respawn:=false", "dds_profile:=none"]])
def test_a_node_that_dies_is_started_again_unless_respawn_is_false(words: list[str]) -> None:
    needs_launch()
    given = {k: v for k, v in environment().items() if not k.endswith("_DEFAULT_PROFILES_FILE")}
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(ONE), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=given,
    )
    try:
        lines = lines_until(process, "listening on", 1, 60)
        (pid,) = {int(p) for p in re.findall(r"started with pid \[(\d+)\]", "".join(lines))}
        variables = Path(f"/proc/{pid}/environ").read_text()
        assert variables.count("_DEFAULT_PROFILES_FILE=") == (0 if words else 2)
        os.kill(pid, signal.SIGKILL)
        if not words:
            lines_until(process, "listening on", 1, 60)
        else:
            lines_until(process, "process has died", 1, 60)
            assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_show_args_lists_ranges_choices_and_defaults() -> None:
    needs_launch()
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    from launch import LaunchContext

    for file in (ONE, LAUNCH / "cameras.launch.py"):
        found = PythonLaunchDescriptionSource(str(file)).get_launch_description(LaunchContext())
        told = {a.name: a.description for a in found.get_launch_arguments()}
        assert set(CONSTRAINTS) <= set(told)
        assert told["max_faces"].endswith("(1 .. 64; default 8)")


CAMERA = """#!{python}
import os, sys
sys.path.insert(0, {tests!r})
profile = os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"]
assert os.environ["FASTDDS_DEFAULT_PROFILES_FILE"] == profile
import time
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from atpn_ros.node import ros_messages
from ros_world import header, portrait
rclpy.init()
node = rclpy.create_node("camera")
print("camera with", profile, [w for w in sys.argv if "launch_params" in w], flush=True)
publisher = node.create_publisher(Image, "image_raw", qos_profile_sensor_data)
while rclpy.ok():
    publisher.publish(ros_messages.image_message(portrait(), header(time.time_ns())))
    time.sleep(0.05)
"""


@pytest.mark.parametrize("driver", ["usb_cam", "v4l2_camera"])
def test_camera_and_node_are_started_with_the_profile(tmp_path: Path, driver: str) -> None:
    """A program in the driver's place, in a package of its own."""
    needs_launch()
    executable = tmp_path / "lib" / driver / launch_arguments.DRIVERS[driver]
    executable.parent.mkdir(parents=True)
    executable.write_text(CAMERA.format(python=sys.executable, tests=str(Path(__file__).parent)))
    executable.chmod(0o755)
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages" / driver
    index.parent.mkdir(parents=True)
    index.touch()
    world = environment()
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(LAUNCH / "camera.launch.py"), f"driver:={driver}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=world | {"AMENT_PREFIX_PATH": f"{tmp_path}:{world['AMENT_PREFIX_PATH']}"},
    )
    try:
        lines = "".join(lines_until(process, "listening on /image_raw", 1, 60))
        if "camera with" not in lines:
            lines += "".join(lines_until(process, "camera with", 1, 60))
        assert "config/fastdds_shm.xml" in lines
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
