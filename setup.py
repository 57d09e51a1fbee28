# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The build with pip: CMake builds the messages, from the same CMakeLists.txt that colcon uses.

Everything static is in pyproject.toml; the version is the one of package.xml.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
NAME = "atpn_ros"
VERSION = ElementTree.parse(HERE / "package.xml").getroot().findtext("version")


def ros_prefixes() -> str:
    """ROS install prefixes: the sourced ones, else the one of the PyPI wheels."""
    sourced = os.environ.get("AMENT_PREFIX_PATH")
    if sourced:
        return sourced
    spec = importlib.util.find_spec("rosidl_generator_py")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "no ROS 2 found: source one, or pip install -r requirements-ros.txt"
            " (x86_64 Linux; elsewhere install ROS 2 from your distribution, build with colcon)"
        )
    return str(Path(spec.origin).parents[4])  # PREFIX/lib/pythonX/site-packages/<module>/__init__


def has_package(name: str, prefixes: str) -> bool:
    """Whether one of the ROS prefixes holds a package."""
    return any((Path(p) / "share" / name / "package.xml").is_file() for p in prefixes.split(":"))


class BuildInterfaces(build_ext):
    """Generate and compile msg/*.msg, and collect what CMake would install."""

    def run(self) -> None:
        prefixes = ros_prefixes()
        build = Path(self.build_temp).resolve() / "cmake"
        stage = Path(self.build_temp).resolve() / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        self._install(HERE, build, stage, prefixes)

        # The Python part (messages and their C modules) goes beside our modules ...
        generated = next(stage.rglob(f"{NAME}/msg/__init__.py")).parents[1]
        site = generated.parent
        in_place = self.inplace or self.editable_mode
        target = HERE / NAME if in_place else Path(self.build_lib) / NAME
        shutil.copytree(
            generated / "msg",
            target / "msg",
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*.c", "__pycache__"),
        )
        for library in generated.glob("*.so"):
            shutil.copy2(library, target)
        # ... with tf2_msgs, which has no wheel, where ROS does not bring it; not in place, where
        # `make venv` installs it ...
        if not in_place and not has_package("tf2_msgs", prefixes):
            build = Path(self.build_temp).resolve() / "cmake_tf2_msgs"
            self._install(HERE / "tools" / "tf2_msgs", build, stage, prefixes)
            shutil.copytree(
                site / "tf2_msgs", Path(self.build_lib) / "tf2_msgs", dirs_exist_ok=True
            )
        # ... and all else (libraries, headers, share/, lib/atpn_ros/face_node) into the prefix.
        files: dict[str, list[str]] = {}
        for path in sorted(stage.rglob("*")):
            if path.is_file() and site not in path.parents:
                files.setdefault(str(path.parent.relative_to(stage)), []).append(str(path))
        # In place: the command that installs them may already hold this list.
        self.distribution.data_files[:] = sorted(files.items())

    def _install(self, source: Path, build: Path, stage: Path, prefixes: str) -> None:
        """Configure, build and install a CMake project into the stage."""
        self._configure(source, build, stage, prefixes)
        self._cmake("--build", build, "--parallel")
        self._cmake("--install", build, stdout=subprocess.DEVNULL)

    def _configure(self, source: Path, build: Path, stage: Path, prefixes: str) -> None:
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        self._env = dict(os.environ, AMENT_PREFIX_PATH=prefixes)
        self._env["CMAKE_PREFIX_PATH"] = os.pathsep.join(
            filter(None, (prefixes, os.environ.get("CMAKE_PREFIX_PATH")))
        )
        # CMake caches where it found things: start afresh when they came from somewhere else,
        # for example from the environment of an earlier isolated build.
        found_in = "\n".join([prefixes, sys.executable, *generator])
        note = build / "found_in.txt"
        if not note.is_file() or note.read_text() != found_in:
            shutil.rmtree(build, ignore_errors=True)
            build.mkdir(parents=True)
            note.write_text(found_in)
        self._cmake(
            *("-S", source, "-B", build, *generator),
            "-DCMAKE_BUILD_TYPE=Release",
            "-DBUILD_TESTING=OFF",
            f"-DCMAKE_INSTALL_PREFIX={stage}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DPYTHON_EXECUTABLE={sys.executable}",
        )

    def _cmake(self, *args: str | Path, stdout: int | None = None) -> None:
        command = ["cmake", *map(str, args)]
        if subprocess.run(command, env=self._env, stdout=stdout, check=False).returncode:
            raise SystemExit(f"building the messages failed: {' '.join(command)}")

    def get_outputs(self) -> list[str]:
        return []

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class BinaryDistribution(Distribution):
    """A wheel that is always tied to this platform and Python."""

    def has_ext_modules(self) -> bool:
        return True

    def has_data(self) -> bool:
        """Asked by ``pip install --editable`` only: install data_files there too."""
        return bool(self.data_files)


setup(
    version=VERSION,
    packages=find_packages(include=[NAME, f"{NAME}.*"], exclude=[f"{NAME}.msg"]),
    package_data={NAME: ["py.typed", "weights/*.onnx", "weights/*.md"]},
    data_files=[(f"share/{NAME}", ["package.xml"])],
    cmdclass={"build_ext": BuildInterfaces},
    distclass=BinaryDistribution,
    zip_safe=False,
)
