# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Creates an OpenGL context without a window, on a graphics card or on Mesa's software driver."""

from __future__ import annotations

import os
from typing import Any

import moderngl

from atpn_ros.types import AtpnError


class RenderError(AtpnError):
    """No graphics context could be made."""


def create_context(threads: int = 1) -> moderngl.Context:
    """A context of OpenGL 3.3 or later through EGL.

    Args:
        threads: How many threads Mesa's processor driver may take. Only the first context of a
            process heeds it.

    Raises:
        RenderError: EGL or a driver is missing.
    """
    os.environ.setdefault("LP_NUM_THREADS", str(threads))
    try:
        settings: Any = {"backend": "egl"}
        return moderngl.create_context(standalone=True, require=330, **settings)
    except Exception as error:  # moderngl raises bare Exception
        raise RenderError(f"no OpenGL through EGL (libegl1, libgl1-mesa-dri?): {error}") from error


def is_available() -> bool:
    """Whether a context can be made here."""
    try:
        create_context().release()
    except RenderError:
        return False
    return True


def set_uniforms(program: moderngl.Program, **values: Any) -> None:
    """Set uniforms; those that the compiler dropped are left out."""
    for name, value in values.items():
        if name in program:
            member = program[name]
            if isinstance(value, bytes):
                member.write(value)  # type: ignore[union-attr]
            else:
                member.value = value  # type: ignore[union-attr]
