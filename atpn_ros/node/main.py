# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Entry point of ``face_node``: signals, executor, lifecycle transitions at start, and shutdown.

Signals are handled here and not by rclpy, whose handler shuts the context down while other code is
still using it. Here a signal only sets a flag, which is polled, so that everything ends in order.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from atpn_ros.node.heap import keep_freed_buffers

_STEP_S = 0.1
"""How often a spinning node checks the shutdown flag, s."""


class ShutdownFlag:
    """Flag that SIGINT and SIGTERM set. A plain bool: a signal handler must not wait for a lock.

    Attributes:
        requested: Whether a signal has arrived.
        exit_at_once: Whether a signal ends the process immediately, as long as there are no
            resources to free.
    """

    def __init__(self) -> None:
        self.requested = False
        self.exit_at_once = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def ignore_signals(self) -> None:
        """Ignore further signals.

        At its end the interpreter resets other handlers to their defaults, so that one more
        interrupt would change the exit code.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.exit_at_once:
            os._exit(0)
        self.requested = True


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted.

    Returns:
        0 after a signal, 1 if the node could not start or the engine could not be loaded, 2 for an
        argument that cannot be parsed or a setting that is not allowed.
    """
    shutdown = ShutdownFlag()
    keep_freed_buffers()
    code, stuck = _run(args, shutdown)
    if stuck:
        # A build inside ONNX Runtime cannot be cancelled, so the process is ended.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    shutdown.ignore_signals()
    return code


def _run(args: list[str] | None, shutdown: ShutdownFlag) -> tuple[int, bool]:
    # These imports take a second. Done here, the signal handlers are installed before them.
    try:
        import rclpy

        from atpn_ros.node.face_node import FaceNode
    except ModuleNotFoundError as error:
        from atpn_ros.resources import missing_module

        print(f"face_node: {missing_module(error.name or '')}", file=sys.stderr)
        return 1, False
    from rclpy.exceptions import NameValidationException, ParameterException
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.lifecycle import TransitionCallbackReturn
    from rclpy.signals import SignalHandlerOptions

    from atpn_ros.settings import SettingsError
    from atpn_ros.settings_file import check_ros_arguments

    shutdown.exit_at_once = False
    try:
        check_ros_arguments(sys.argv[1:] if args is None else args)
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = FaceNode(lambda: shutdown.requested)
    except (SettingsError, RuntimeError, NameValidationException, ParameterException) as error:
        # Arguments that ROS cannot parse raise RuntimeError with a message of several lines.
        print(f"face_node: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2, False
    executor = SingleThreadedExecutor()
    try:
        executor.add_node(node)
        if node.settings.autostart:
            if node.trigger_configure() != TransitionCallbackReturn.SUCCESS:
                node.failed = True
            elif not shutdown.requested:
                node.failed = node.trigger_activate() != TransitionCallbackReturn.SUCCESS
        while not shutdown.requested and not node.failed:
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
