# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS node: lifecycle, parameters, subscriptions, diagnostics; a shell around the worker.

Callbacks only leave the newest message with the worker, whose thread does everything else. So
parameters and lifecycle services answer at any time, also while an engine is being built.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, TypeAlias

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, qos_policy_name_from_kind, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from atpn_ros import messages
from atpn_ros.flow import FlowStats, Throttle, percentiles_ms
from atpn_ros.health import Facts, assess
from atpn_ros.loading import Sight, load_sight
from atpn_ros.publishers import Publishers
from atpn_ros.settings import BadSetting, Settings, change, declare
from atpn_ros.worker import Answer, Worker

AnyImage: TypeAlias = "ImageMsg | CompressedImage"

_PATIENCE_S = 3.0
"""Configuring waits so long for the engine; if it has to be built, that goes on beside."""
_LOOK_S = 0.05
"""And looks so often whether the process is to end meanwhile."""
_END_S = 1.5
"""Stopping and freeing wait so long for the worker."""


class FaceNode(LifecycleNode):
    """``face_node``: faces of one camera.

    Args:
        ending: Whether the process is about to end; what takes long looks at it.
    """

    def __init__(self, ending: Callable[[], bool] = lambda: False) -> None:
        super().__init__("face_node")
        self.settings = declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.failed = False
        """Whether the engine could not be loaded after all, and nobody is there to mend it."""
        self.stuck = False
        """Whether a worker did not end in time; only the end of the process ends it."""
        self._ending = ending
        self._worker: Worker | None = None
        self._outputs: Publishers | None = None
        self._announced = False
        self._engine_words = "not configured"
        self._throttle = Throttle(5_000_000_000)
        self._subscriptions_here: list[Subscription] = []
        self._activated_ns = 0
        self._reported = FlowStats()
        self._incompatible: str | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self._publish_diagnostics)

    # Lifecycle ------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the engine and the detector, make the publishers.

        An engine that has to be built takes minutes: then the node counts as configured, may be
        activated, and answers images as soon as the engine is there.
        """
        self._announced = False
        self._engine_words = "loading"
        worker = self._worker = Worker(self, partial(load_sight, self.settings))
        end = time.monotonic() + _PATIENCE_S
        while not worker.wait(_LOOK_S) and time.monotonic() < end and not self._ending():
            pass
        if worker.settled:
            if worker.error is not None:
                self.get_logger().error(str(worker.error))
                self._free()
                return TransitionCallbackReturn.FAILURE
            self._announce()
        self._outputs = Publishers(self, self.settings.rep155)
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        worker = self._worker
        if worker is None:
            return TransitionCallbackReturn.FAILURE
        self._reported = FlowStats()
        self._incompatible = None
        self._activated_ns = time.monotonic_ns()
        worker.start()
        # Depth 1, best effort: matches every publisher, and an old frame is of no use.
        qos = replace_depth(qos_profile_sensor_data, 1)
        overrides = QoSOverridingOptions.with_default_policies()
        compressed = self.settings.image_transport == "compressed"
        topic = "image/compressed" if compressed else "image"
        kind = CompressedImage if compressed else ImageMsg
        self._subscriptions_here = [
            self.create_subscription(
                kind, topic, self._on_image, qos, qos_overriding_options=overrides,
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=self._on_incompatible_qos
                ),
            ),
            self.create_subscription(
                CameraInfoMsg, "camera_info", self._on_camera_info, qos,
                qos_overriding_options=overrides,
            ),
        ]  # fmt: skip
        self.get_logger().info(f"listening on {self._subscriptions_here[0].topic_name}")
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

    def _stop(self) -> None:
        for subscription in self._subscriptions_here:
            self.destroy_subscription(subscription)
        self._subscriptions_here = []
        if self._worker is not None:
            self._worker.stop(_END_S)
        if self._outputs is not None:
            self._outputs.forget()

    def _free(self) -> None:
        worker, self._worker = self._worker, None
        self._engine_words = "not configured"
        if worker is not None and not worker.close(_END_S):
            self.stuck = True
        publishers, self._outputs = self._outputs, None
        if publishers is not None:
            publishers.close()

    def destroy_node(self) -> None:
        """Stop the worker before anything that it uses goes away."""
        self._stop()
        self._free()
        super().destroy_node()

    # The worker's host: called in its thread ------------------------------------------------------

    def now_ns(self) -> int:
        """The node's time."""
        return int(self.get_clock().now().nanoseconds)

    def publish(self, answer: Answer) -> None:
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
        self._engine_words = words
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
            for refusal in sight.engine.refusals:
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
        if self._subscriptions_here:
            self.trigger_deactivate()
        self.trigger_cleanup()
        self._engine_words = f"not loaded: {worker.error}"

    # Inputs: called by the executor ---------------------------------------------------------------

    def _on_image(self, message: AnyImage) -> None:
        if self._worker is not None:
            self._worker.put(message, self.now_ns())

    def _on_camera_info(self, message: CameraInfoMsg) -> None:
        if self._worker is not None:
            self._worker.calibration.info = messages.camera_info(message)

    def _on_incompatible_qos(self, event: Any) -> None:
        self._incompatible = qos_policy_name_from_kind(event.last_policy_kind).lower()
        self.warn(f"a publisher offers images with incompatible {self._incompatible}", "qos")

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        values = {p.name: p.value for p in parameters if p.name in Settings.__slots__}
        try:
            self.settings = change(self.settings, values, running=self._worker is not None)
        except BadSetting as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    # Diagnostics ----------------------------------------------------------------------------------

    def _publish_diagnostics(self) -> None:
        worker = self._worker
        stats = FlowStats() if worker is None else worker.stats
        sight = None if worker is None else worker.sight
        level, summary = assess(self._facts(worker, sight))
        p50, p95, worst = percentiles_ms(stats.latency_ns, 50, 95, 100)
        values = {
            "frames received": str(stats.received),
            "frames processed": str(stats.processed),
            "frames dropped for newer ones": str(stats.dropped),
            "frames refused": str(stats.refused_total),
            **{f"refused: {reason}": str(n) for reason, n in sorted(stats.refused.items())},
            "latency p50 ms": f"{p50:.1f}",
            "latency p95 ms": f"{p95:.1f}",
            "latency max ms": f"{worst:.1f}",
            "detector runs": str(stats.detector_runs),
            "engine": self._engine_words if sight is None else sight.engine.report,
            "model": str(self.settings.model_path()),
        }
        if sight is not None:
            named = (refusal.split(": ", 1) for refusal in sight.engine.refusals)
            values |= {f"engine not used: {rung}": reason for rung, reason in named}
            values |= {
                f"tracks forgotten: {why}": str(n) for why, n in sight.pipeline.resets.items()
            }
        self._diagnostics.publish(
            messages.diagnostics(
                self.get_clock().now().to_msg(), f"{self.get_fully_qualified_name()}: faces",
                "none" if sight is None else sight.engine.name, level, summary,
                values,
            )
        )  # fmt: skip
        self._announce()  # last: it may end the node

    def _facts(self, worker: Worker | None, sight: Sight | None) -> Facts:
        building = "" if worker is None or worker.settled else self._engine_words
        if worker is None or not self._subscriptions_here:
            return Facts(worker is not None, None, building=building)
        topic, stats, before = self._subscriptions_here[0].topic_name, worker.stats, self._reported
        self._reported = copy(stats)
        self._reported.refused = stats.refused.copy()
        last = stats.last_received_ns
        lately = stats.refused - before.refused
        return Facts(
            configured=True,
            topic=topic,
            silent_ns=time.monotonic_ns() - (self._activated_ns if last is None else last),
            publishers=self.count_publishers(topic),
            incompatible=self._incompatible,
            received=stats.received - before.received,
            processed=stats.processed - before.processed,
            refused=lately.total(),
            refused_reason=lately.most_common(1)[0][0] if lately else "",
            camera_problem=worker.calibration.problem,
            building=building,
            engine_problem=sight.engine.refusals[-1] if sight and sight.engine.losses else "",
        )


def replace_depth(profile: QoSProfile, depth: int) -> QoSProfile:
    """A copy of a QoS profile with another depth."""
    return QoSProfile(
        depth=depth,
        history=profile.history,
        reliability=profile.reliability,
        durability=profile.durability,
    )
