# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node ``face_node``: parameters, subscriptions and diagnostics.

Processing is delegated to the worker: callbacks only pass the newest message to its thread. So
parameter and lifecycle services respond at any time, also while an engine is being built.
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

from atpn_ros.camera import is_rectified
from atpn_ros.conversions import messages
from atpn_ros.node import ros_messages
from atpn_ros.node.diagnostics import Diagnostics, GraphStatus
from atpn_ros.node.frame_slot import Throttle
from atpn_ros.node.heap import return_freed_memory
from atpn_ros.node.looking_target import LookingTarget
from atpn_ros.node.loss_report import LossReport
from atpn_ros.node.parameters import declare_parameters, unknown_parameter
from atpn_ros.node.publishers import Publishers
from atpn_ros.node.subscriptions import Subscriptions
from atpn_ros.node.worker import FrameResult, Worker
from atpn_ros.runtime import load_pipeline
from atpn_ros.setting_values import update_settings
from atpn_ros.settings import Settings, SettingsError
from atpn_ros.types import Floats

Step: TypeAlias = "Callable[[FaceNode, LifecycleState], TransitionCallbackReturn]"

_CONFIGURE_TIMEOUT_S = 3.0
"""How long configuring waits for the engine; a build continues in the background."""
_POLL_S = 0.05
"""How often configuring checks whether the process is to shut down, s."""
_SUBSCRIBERS_POLL_S = 0.2
"""How often a lazy node checks whether its outputs have subscribers, s."""
_STOP_TIMEOUT_S = 1.5
"""How long stopping and freeing wait for the worker."""


def _log_errors(step: Step) -> Step:
    """Log an exception of a transition, which rclpy does not log, and return ERROR."""

    @wraps(step)
    def guarded(node: FaceNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return step(node, state)
        except Exception as error:
            node.get_logger().error(f"{step.__name__}: {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR

    return guarded


class FaceNode(LifecycleNode):
    """Lifecycle node that tracks the faces of one camera.

    Args:
        is_shutting_down: Whether the process is about to end; polled while configuring.
        ros: Arguments of rclpy's node, e.g. ``context``, ``parameter_overrides``.
    """

    def __init__(self, is_shutting_down: Callable[[], bool] = lambda: False, **ros: Any) -> None:
        super().__init__("face_node", **ros)
        self.settings = declare_parameters(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.failed = False
        """Whether loading failed and there is no lifecycle manager to retry: the process ends."""
        self.stuck = False
        """Whether a worker did not stop in time; only the end of the process stops it."""
        self._is_shutting_down = is_shutting_down
        self._worker: Worker | None = None
        self._face_publishers: Publishers | None = None
        self._load_result_logged = False
        self._loss_report = LossReport()
        self._throttle = Throttle(5_000_000_000)
        self._camera_subscriptions: Subscriptions | None = None
        self._looking_target = LookingTarget(self)
        self._diagnostics = Diagnostics()
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # A steady clock: diagnostics must also be published when a simulated clock stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._publish_diagnostics, clock=steady)
        self.create_timer(_SUBSCRIBERS_POLL_S, self._follow_subscribers, clock=steady)
        # Forward jumps show in the image stamps; a backward jump may come long before an image.
        backward = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
        )
        self._jumps = self.get_clock().create_jump_callback(backward, post_callback=self._on_jump)
        respond = self._service_change_state.callback
        self._service_change_state.callback = partial(self._on_change_state, respond)

    # Lifecycle ------------------------------------------------------------------------------------

    @_log_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the engine and the detector, and create the publishers.

        Building an engine takes minutes: the node is configured meanwhile, can be activated, and
        processes images as soon as the engine is loaded.
        """
        self._load_result_logged = False
        self._diagnostics.engine = "loading"
        worker = self._worker = Worker(self, partial(load_pipeline, self.settings))
        end = time.monotonic() + _CONFIGURE_TIMEOUT_S
        while (
            not worker.engine_thread.wait(_POLL_S)
            and time.monotonic() < end
            and not self._is_shutting_down()
        ):
            pass
        if worker.engine_thread.settled:
            if worker.engine_thread.error is not None:
                self.get_logger().error(str(worker.engine_thread.error))
                self._free()
                return TransitionCallbackReturn.FAILURE
            self._log_load_result()
        self._face_publishers = Publishers(self, self.settings.rep155)
        return TransitionCallbackReturn.SUCCESS

    @_log_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe."""
        worker = self._worker
        if worker is None:
            return TransitionCallbackReturn.FAILURE
        self._diagnostics.begin()
        self._loss_report.begin()
        self._looking_target.listen(self.settings.looking_target)
        worker.start()
        self._camera_subscriptions = Subscriptions(
            self,
            compressed=self.settings.image_transport == "compressed",
            on_image=lambda message: worker.put(message, self.now_ns()),
            on_camera_info=lambda message: worker.calibrate(messages.camera_info(message)),
            on_lost=worker.count_lost,
            on_missed=worker.count_missed,
            on_incompatible=lambda policy: self.warn(
                f"a publisher offers images with incompatible {policy}", "qos"
            ),
        )
        topic = self._camera_subscriptions.topic
        worker.calibration.rectified = is_rectified(self.settings.calibration, topic)
        kind = ", rectified images" if worker.calibration.rectified else ""
        self.get_logger().info(f"listening on {topic}{kind}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, stop the worker and drop all tracks."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the engine and destroy the publishers."""
        self._stop()
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do the same as cleanup, from any state."""
        return self.on_cleanup(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up after a failed transition, so that configuring can be retried."""
        return self.on_cleanup(state)

    def _on_change_state(
        self, respond: Callable[..., Any], request: Any, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Refuse a transition that is not valid in this state; rclpy would end the process."""
        try:
            return respond(request, response)
        except RuntimeError as error:
            self.get_logger().warning(f"transition refused: {str(error).splitlines()[0]}")
            response.success = False
            return response

    def _stop(self) -> None:
        subscriptions, self._camera_subscriptions = self._camera_subscriptions, None
        if subscriptions is not None:
            subscriptions.close()
        self._looking_target.close()
        if self._worker is not None:
            self._worker.stop(_STOP_TIMEOUT_S)
        if self._face_publishers is not None:
            self._face_publishers.close_face_topics()

    def _free(self) -> None:
        worker, self._worker = self._worker, None
        self._diagnostics.engine = "not configured"
        if worker is not None and not worker.close(_STOP_TIMEOUT_S):
            self.stuck = True
        publishers, self._face_publishers = self._face_publishers, None
        if publishers is not None:
            publishers.close()
        if worker is not None:
            return_freed_memory()

    def destroy_node(self) -> None:
        """Stop the worker before what it uses is destroyed."""
        self._jumps.unregister()
        self._stop()
        self._free()
        super().destroy_node()

    # Called by the worker in its thread -----------------------------------------------------------

    def now_ns(self) -> int:
        """Time of the node's clock, ns."""
        return int(self.get_clock().now().nanoseconds)

    def publish(self, frame: FrameResult) -> None:
        """Publish the result of a frame."""
        if self._face_publishers is not None:
            self._face_publishers.publish(frame)

    def target_position(self, target: str, frame_id: str, stamp_ns: int) -> Floats | None:
        """Position of ``looking_target`` in the camera frame, None if unknown; does not wait."""
        position = self._looking_target.position(target, frame_id, stamp_ns)
        if self._looking_target.problem:
            self.warn(f"looking_target {target!r}: {self._looking_target.problem}", "target")
        return position

    def warn(self, text: str, kind: str) -> None:
        """Log a warning, throttled for each kind."""
        if self._throttle.due(kind, time.monotonic_ns()):
            self.get_logger().warning(text)

    def report_engine(self, line: str) -> None:
        """Log the progress or a failure of the engine, and show it in the diagnostics."""
        worker = self._worker
        self._diagnostics.engine = line
        if worker is not None and worker.engine_thread.settled:
            self.get_logger().warning(line)
        else:
            self.get_logger().info(line)

    # Loading the engine ---------------------------------------------------------------------------

    def _log_load_result(self) -> None:
        """Log the result of loading once, when loading has ended."""
        worker = self._worker
        if self._load_result_logged or worker is None or not worker.engine_thread.settled:
            return
        self._load_result_logged = True
        loaded = worker.engine_thread.value
        if loaded is not None:
            for skipped in loaded.engine.skipped_backends:
                self.get_logger().info(f"not used: {skipped}")
            self.get_logger().info(
                f"model {self.settings.model_path().name} on {loaded.engine.report}; "
                f"detector {loaded.pipeline.detector.name}"
            )
            return
        self.get_logger().error(str(worker.engine_thread.error))
        if self.settings.autostart:
            self.failed = True
            return
        if self._camera_subscriptions is not None:
            self.trigger_deactivate()
        self.trigger_cleanup()
        self._diagnostics.engine = f"not loaded: {worker.engine_thread.error}"

    # Callbacks of ROS -----------------------------------------------------------------------------

    def _on_jump(self, jump: TimeJump) -> None:
        back = jump.delta.nanoseconds / -1e9
        words = f"the clock went back {back:.1f} s" if back > 0 else "the clock was changed"
        self.get_logger().warning(f"{words}: all tracks are dropped")
        self._looking_target.forget()
        if self._worker is not None:
            self._worker.drop_tracks("the clock jumped")

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """Set parameters; refuse an unknown name with the nearest one, where rclpy would raise."""
        if reason := unknown_parameter(self, parameter_list):
            return SetParametersResult(successful=False, reason=reason)
        return super().set_parameters_atomically(parameter_list)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        values = {p.name: p.value for p in parameters if p.name in Settings.__slots__}
        try:
            self.settings = update_settings(self.settings, values, running=self._worker is not None)
        except SettingsError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if self._camera_subscriptions is not None:
            self._looking_target.listen(self.settings.looking_target)
        return SetParametersResult(successful=True)

    # Diagnostics ----------------------------------------------------------------------------------

    def _publish_diagnostics(self) -> None:
        worker, subscriptions, clock = self._worker, self._camera_subscriptions, self.get_clock()
        graph = GraphStatus() if subscriptions is None else subscriptions.graph_status()
        graph = replace(
            graph,
            simulated=clock.ros_time_is_active,
            now_ns=self.now_ns(),
            looking_target=self.settings.looking_target,
            target_problem=self._looking_target.problem,
        )
        level, summary, values = self._diagnostics.report(worker, graph)
        values["model"] = str(self.settings.model_path())
        loaded = None if worker is None else worker.engine_thread.value
        self._diagnostics_publisher.publish(
            ros_messages.diagnostics(
                clock.now().to_msg(), f"{self.get_fully_qualified_name()}: faces",
                "none" if loaded is None else loaded.engine.name, level, summary, values,
            )
        )  # fmt: skip
        is_loaded = worker is not None and worker.engine_thread.settled
        if is_loaded and (lost := self._loss_report.text(self._diagnostics.status)):
            self.get_logger().warning(lost)
        self._log_load_result()  # last: it may clean up the node

    def _follow_subscribers(self) -> None:
        """With ``lazy``, subscribe to images while an output has subscribers, and not otherwise."""
        subscriptions, publishers = self._camera_subscriptions, self._face_publishers
        if subscriptions is None or publishers is None:
            return
        wanted = not self.settings.lazy or publishers.has_subscribers
        if wanted and not subscriptions.receives_images:
            self._diagnostics.resume()
        if not wanted:
            publishers.close_face_topics()
        subscriptions.receives_images = wanted
