# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS node: lifecycle, parameters, subscriptions, diagnostics; a shell around the worker.

Callbacks only leave the newest message with the worker, whose thread does everything else. So
parameters and lifecycle services answer at any time, also while an engine is being built.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any, TypeAlias

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from atpn_ros.node import ros_messages
from atpn_ros.node.diagnostics import Diagnosis, GraphStatus
from atpn_ros.node.frame_slot import Throttle
from atpn_ros.node.parameters import declare_parameters
from atpn_ros.node.publishers import Publishers
from atpn_ros.node.subscriptions import Subscriptions
from atpn_ros.node.worker import FrameResult, Worker
from atpn_ros.runtime import load_pipeline
from atpn_ros.settings import Settings, SettingsError, update_settings

Step: TypeAlias = "Callable[[FaceNode, LifecycleState], TransitionCallbackReturn]"

_CONFIGURE_TIMEOUT_S = 3.0
"""Configuring waits so long for the engine; if it has to be built, that goes on beside."""
_POLL_S = 0.05
"""And looks so often whether the process is to end meanwhile."""
_STOP_TIMEOUT_S = 1.5
"""Stopping and freeing wait so long for the worker."""


def _log_errors(step: Step) -> Step:
    """Log what breaks a transition: rclpy says nothing of it."""

    @wraps(step)
    def guarded(node: FaceNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return step(node, state)
        except Exception as error:
            node.get_logger().error(f"{step.__name__}: {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR

    return guarded


class FaceNode(LifecycleNode):
    """``face_node``: faces of one camera.

    Args:
        ending: Whether the process is about to end; what takes long looks at it.
        ros: For rclpy's own node, e.g. ``context``, ``parameter_overrides``.
    """

    def __init__(self, ending: Callable[[], bool] = lambda: False, **ros: Any) -> None:
        super().__init__("face_node", **ros)
        self.settings = declare_parameters(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.failed = False
        """Whether the engine could not be loaded after all, and nobody is there to mend it."""
        self.stuck = False
        """Whether a worker did not end in time; only the end of the process ends it."""
        self._ending = ending
        self._worker: Worker | None = None
        self._outputs: Publishers | None = None
        self._announced = False
        self._throttle = Throttle(5_000_000_000)
        self._listening: Subscriptions | None = None
        self._diagnosis = Diagnosis()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Of a clock that always runs: a simulated one that does not is what they have to tell.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._publish_diagnostics, clock=steady)
        # Of a step forward the images' stamps tell; one back may come long before the next image.
        backward = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
        )
        self._jumps = self.get_clock().create_jump_callback(backward, post_callback=self._on_jump)
        answer = self._service_change_state.callback
        self._service_change_state.callback = partial(self._on_change_state, answer)

    # Lifecycle ------------------------------------------------------------------------------------

    @_log_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the engine and the detector, make the publishers.

        An engine that has to be built takes minutes: then the node counts as configured, may be
        activated, and answers images as soon as the engine is there.
        """
        self._announced = False
        self._diagnosis.engine = "loading"
        worker = self._worker = Worker(self, partial(load_pipeline, self.settings))
        end = time.monotonic() + _CONFIGURE_TIMEOUT_S
        while not worker.wait(_POLL_S) and time.monotonic() < end and not self._ending():
            pass
        if worker.settled:
            if worker.error is not None:
                self.get_logger().error(str(worker.error))
                self._free()
                return TransitionCallbackReturn.FAILURE
            self._announce()
        self._outputs = Publishers(self, self.settings.rep155)
        return TransitionCallbackReturn.SUCCESS

    @_log_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        worker = self._worker
        if worker is None:
            return TransitionCallbackReturn.FAILURE
        self._diagnosis.begin()
        worker.start()
        self._listening = Subscriptions(
            self,
            compressed=self.settings.image_transport == "compressed",
            on_image=lambda message: worker.put(message, self.now_ns()),
            on_camera_info=lambda message: worker.calibrate(ros_messages.camera_info(message)),
            on_lost=worker.lose,
            on_incompatible=lambda policy: self.warn(
                f"a publisher offers images with incompatible {policy}", "qos"
            ),
        )
        self.get_logger().info(f"listening on {self._listening.topic}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening, forget the faces."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the engine."""
        self._stop()
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As cleanup, from any state."""
        return self.on_cleanup(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After a transition that broke: as cleanup, so that configuring may be tried again."""
        return self.on_cleanup(state)

    def _on_change_state(
        self, answer: Callable[..., Any], request: Any, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Refuse a transition that the state does not have; rclpy would end the process."""
        try:
            return answer(request, response)
        except RuntimeError as error:
            self.get_logger().warning(f"transition refused: {str(error).splitlines()[0]}")
            response.success = False
            return response

    def _stop(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
        if self._worker is not None:
            self._worker.stop(_STOP_TIMEOUT_S)
        if self._outputs is not None:
            self._outputs.forget()

    def _free(self) -> None:
        worker, self._worker = self._worker, None
        self._diagnosis.engine = "not configured"
        if worker is not None and not worker.close(_STOP_TIMEOUT_S):
            self.stuck = True
        publishers, self._outputs = self._outputs, None
        if publishers is not None:
            publishers.close()

    def destroy_node(self) -> None:
        """Stop the worker before anything that it uses goes away."""
        self._jumps.unregister()
        self._stop()
        self._free()
        super().destroy_node()

    # The worker's host: called in its thread ------------------------------------------------------

    def now_ns(self) -> int:
        """The node's time."""
        return int(self.get_clock().now().nanoseconds)

    def publish(self, answer: FrameResult) -> None:
        """Send an answer."""
        if self._outputs is not None:
            self._outputs.publish(answer)

    def warn(self, words: str, kind: str) -> None:
        """Log, each kind once in a while."""
        if self._throttle.due(kind, time.monotonic_ns()):
            self.get_logger().warning(words)

    def tell(self, words: str) -> None:
        """Log and show in the diagnostics how the engine's loading gets on."""
        worker = self._worker
        self._diagnosis.engine = words
        if worker is not None and worker.settled:
            self.get_logger().warning(words)
        else:
            self.get_logger().info(words)

    # The engine's loading -------------------------------------------------------------------------

    def _announce(self) -> None:
        """Say once how the loading ended, when it has."""
        worker = self._worker
        if self._announced or worker is None or not worker.settled:
            return
        self._announced = True
        sight = worker.sight
        if sight is not None:
            for refusal in sight.engine.skipped_backends:
                self.get_logger().info(f"not used: {refusal}")
            self.get_logger().info(
                f"model {self.settings.model_path().name} on {sight.engine.report}; "
                f"detector {sight.pipeline.detector.name}"
            )
            return
        self.get_logger().error(str(worker.error))
        if self.settings.autostart:
            self.failed = True
            return
        if self._listening is not None:
            self.trigger_deactivate()
        self.trigger_cleanup()
        self._diagnosis.engine = f"not loaded: {worker.error}"

    # Told by ROS ----------------------------------------------------------------------------------

    def _on_jump(self, jump: TimeJump) -> None:
        back = jump.delta.nanoseconds / -1e9
        words = f"the clock went back {back:.1f} s" if back > 0 else "the clock was changed"
        self.get_logger().warning(f"{words}: faces are forgotten")
        if self._worker is not None:
            self._worker.forget("the clock jumped")

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        values = {p.name: p.value for p in parameters if p.name in Settings.__slots__}
        try:
            self.settings = update_settings(self.settings, values, running=self._worker is not None)
        except SettingsError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    # Diagnostics ----------------------------------------------------------------------------------

    def _publish_diagnostics(self) -> None:
        worker, listening, clock = self._worker, self._listening, self.get_clock()
        around = GraphStatus() if listening is None else listening.around()
        around = replace(around, simulated=clock.ros_time_is_active, now_ns=self.now_ns())
        level, summary, values = self._diagnosis.report(worker, around)
        values["model"] = str(self.settings.model_path())
        sight = None if worker is None else worker.sight
        self._diagnostics.publish(
            ros_messages.diagnostics(
                clock.now().to_msg(), f"{self.get_fully_qualified_name()}: faces",
                "none" if sight is None else sight.engine.name, level, summary, values,
            )
        )  # fmt: skip
        self._announce()  # last: it may end the node
