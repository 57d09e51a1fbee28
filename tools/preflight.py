# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks whether this machine can install ROS 2 from pip wheels, and prints what is missing.

Runs on any Python 3, so that it can report a version that is too old.
"""

import os
import platform
import shutil
import sys
import sysconfig

VERSIONS = ((3, 10), (3, 13))


def problem():
    """Return the first problem and its remedy as one line, or None."""
    machine = "%s %s" % (platform.system(), platform.machine())
    glibc = platform.libc_ver()
    if machine != "Linux x86_64" or glibc[0] != "glibc":
        if machine == "Linux x86_64":
            machine += " without glibc"
        return (
            "there are no ROS 2 wheels for %s: install ROS 2 from your distribution and build "
            "with colcon (README: In a ROS 2 workspace)" % machine
        )
    if tuple(int(n) for n in glibc[1].split(".")[:2]) < (2, 28):
        return "the ROS 2 wheels need glibc 2.28, this is %s: use a newer system" % glibc[1]
    if not VERSIONS[0] <= sys.version_info[:2] <= VERSIONS[1]:
        return "this is Python %d.%d, but 3.%d to 3.%d is needed: make PYTHON=python3.%d" % (
            sys.version_info[0],
            sys.version_info[1],
            VERSIONS[0][1],
            VERSIONS[1][1],
            VERSIONS[1][1] - 1,
        )
    python = "python%d.%d" % sys.version_info[:2]
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "Python's venv is missing: sudo apt install %s-venv" % python
    if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
        return "a C++ compiler is missing: sudo apt install g++"
    headers = sysconfig.get_paths()["include"]
    if not os.path.isfile(os.path.join(headers, "Python.h")):
        return "the headers of %s are missing: sudo apt install %s-dev" % (python, python)
    return None


if __name__ == "__main__":
    found = problem()
    if found:
        sys.exit("error: " + found)
