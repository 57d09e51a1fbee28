# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process around the node: signals, context, executor, the first transitions and the end.

Signals are handled here and not by rclpy, whose handler shuts the context down under whatever is at
work. Here a signal only leaves a note; what runs looks at it, and everything ends in its order.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_STEP_S = 0.1
"""How often a spinning node looks for the note of a signal."""


class ShutdownFlag:
    """The note that a signal leaves. A plain bool: a handler must not wait for any lock."""

    def __init__(self) -> None:
        self.asked = False
        self.at_once = True
        """Until there is something to give back, a signal simply ends the process."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.at_once:
            os._exit(0)
        self.asked = True


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted.

    Returns:
        0 after an interrupt, 1 if the node could not start or lost its engine for good, 2 for an
        argument that cannot be read or a setting that breaks its rule.
    """
    ending = ShutdownFlag()
    code, stuck = _run(args, ending)
    if stuck:
        # A build of ONNX Runtime's cannot be stopped; the process can.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(args: list[str] | None, ending: ShutdownFlag) -> tuple[int, bool]:
    # These take a second. Imported here, an interrupt meanwhile is one of ours already.
    import rclpy
    from rclpy.exceptions import NameValidationException
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.lifecycle import TransitionCallbackReturn
    from rclpy.signals import SignalHandlerOptions

    from atpn_ros.node.face_node import FaceNode
    from atpn_ros.settings import SettingsError

    ending.at_once = False
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = FaceNode(lambda: ending.asked)
    except (SettingsError, RuntimeError, NameValidationException) as error:
        # Arguments that ROS cannot read come as RuntimeError, with its own words of several lines.
        print(f"face_node: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2, False
    executor = SingleThreadedExecutor()
    try:
        executor.add_node(node)
        if node.settings.autostart:
            if node.trigger_configure() != TransitionCallbackReturn.SUCCESS:
                node.failed = True
            elif not ending.asked:
                node.failed = node.trigger_activate() != TransitionCallbackReturn.SUCCESS
        while not ending.asked and not node.failed:
            executor.spin_once(timeout_sec=_STEP_S)
    except ExternalShutdownException:
        pass
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return int(node.failed), node.stuck


if __name__ == "__main__":
    sys.exit(main())
