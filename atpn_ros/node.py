# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS node: subscriptions, lifecycle, parameters, diagnostics; a shell around the pipeline.

The image callback only leaves the newest message in a slot; one worker thread owns the engine,
from loading it to freeing it, and does everything else. So parameters and lifecycle services answer
at any time, also while an engine is being built.
"""

from __future__ import annotations

import os
import sys
import time
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, qos_policy_name_from_kind, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from tf2_msgs.msg import TFMessage

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from atpn_ros import drawing, messages
from atpn_ros.camera import Calibration
from atpn_ros.engines.owner import Job, Owner
from atpn_ros.fields import Progress
from atpn_ros.flow import FlowStats, NewestSlot, Throttle, percentiles_ms
from atpn_ros.health import Facts, assess
from atpn_ros.images import BadImage
from atpn_ros.loading import Sight, load_sight
from atpn_ros.msg import (
    FaceBoxArray,
    FaceLandmarksArray,
    GazeArray,
    HeadPoseArray,
    TrackingStatus,
)
from atpn_ros.pipeline import FacePipeline
from atpn_ros.settings import BadSetting, Settings, change, declare
from atpn_ros.types import Frame

AnyImage: TypeAlias = "ImageMsg | CompressedImage"

_PATIENCE_S = 3.0
"""Configuring waits so long for the engine; if it has to be built, that goes on beside."""
_END_S = 1.5
"""Ending waits so long for the worker."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    message: AnyImage
    received_ns: int


class FaceNode(LifecycleNode):
    """``face_node``: faces of one camera."""

    def __init__(self) -> None:
        super().__init__("face_node")
        self.settings = declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._owner: Owner[Sight] | None = None
        self._job: Job | None = None
        self._announced = False
        self._engine_words = "not configured"
        self._calibration = Calibration()
        self.failed = False
        self.stuck = False
        self._stats = FlowStats()
        self._slot: NewestSlot[_Arrival] = NewestSlot()
        self._throttle = Throttle(5_000_000_000)
        self._subscriptions_here: list[Subscription] = []
        self._publish_ns = 0
        self._activated_ns = 0
        self._reported = FlowStats()
        self._incompatible: str | None = None
        self._out: dict[str, Publisher] = {}
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
        self._owner = Owner(partial(load_sight, self.settings), Sight.close, self._tell)
        if self._owner.wait(_PATIENCE_S):
            if self._owner.error is not None:
                self.get_logger().error(str(self._owner.error))
                self._free()
                return TransitionCallbackReturn.FAILURE
            self._announce()
        for name, kind in (
            ("boxes", FaceBoxArray),
            ("landmarks", FaceLandmarksArray),
            ("head_poses", HeadPoseArray),
            ("gazes", GazeArray),
            ("status", TrackingStatus),
            ("debug_image", ImageMsg),
        ):
            self._out[name] = self.create_publisher(kind, f"~/{name}", 10)
        # As tf2's TransformBroadcaster: reliable, depth 100.
        self._out["tf"] = self.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        owner = self._owner
        if owner is None:
            return TransitionCallbackReturn.FAILURE
        self._stats, self._reported = FlowStats(), FlowStats()
        self._incompatible = None
        self._slot = NewestSlot()
        self._activated_ns = time.monotonic_ns()
        self._job = owner.submit(partial(self._work, owner, self._slot))
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
        for publisher in self._out.values():
            self.destroy_publisher(publisher)
        self._out.clear()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As cleanup, from any state."""
        return self.on_cleanup(state)

    def _stop(self) -> None:
        for subscription in self._subscriptions_here:
            self.destroy_subscription(subscription)
        self._subscriptions_here = []
        self._slot.close()
        job, self._job = self._job, None
        # While the engine loads the job has not begun, and will find its slot closed.
        if job is not None and self._owner is not None and self._owner.settled:
            job.done.wait()

    def _free(self) -> None:
        owner, self._owner = self._owner, None
        self._engine_words = "not configured"
        if owner is not None and not owner.close(_END_S):
            self.stuck = True

    def destroy_node(self) -> None:
        """Stop the worker before anything that it uses goes away."""
        self._stop()
        self._free()
        super().destroy_node()

    # The engine's loading -------------------------------------------------------------------------

    def _tell(self, words: str) -> None:
        """Called by the worker: progress while it loads, trouble after that."""
        owner = self._owner
        self._engine_words = words
        if owner is not None and owner.settled:
            self.get_logger().warning(words)
        else:
            self.get_logger().info(words)

    def _announce(self) -> None:
        """Say once how the loading ended, when it has."""
        owner = self._owner
        if self._announced or owner is None or not owner.settled:
            return
        self._announced = True
        if owner.value is not None:
            pipeline, engine = owner.value.pipeline, owner.value.engine
            for refusal in engine.refusals:
                self.get_logger().info(f"not used: {refusal}")
            self.get_logger().info(f"model {self.settings.model_path().name} on {engine.report}; "
                                   f"detector {pipeline.detector.name}")  # fmt: skip
            return
        self.get_logger().error(str(owner.error))
        if self.settings.autostart:
            self.failed = True
            rclpy.try_shutdown(context=self.context)
            return
        if self._subscriptions_here:
            self.trigger_deactivate()
        self.trigger_cleanup()
        self._engine_words = f"not loaded: {owner.error}"

    # Inputs: called by the executor ---------------------------------------------------------------

    def _on_image(self, message: AnyImage) -> None:
        now = self.get_clock().now().nanoseconds
        self._stats.received += 1
        self._stats.last_received_ns = time.monotonic_ns()
        if self._slot.put(_Arrival(message, now)):
            self._stats.dropped += 1

    def _on_camera_info(self, message: CameraInfoMsg) -> None:
        self._calibration.info = messages.camera_info(message)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        values = {p.name: p.value for p in parameters if p.name in Settings.__slots__}
        try:
            self.settings = change(self.settings, values, running=self._owner is not None)
        except BadSetting as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    # The worker -----------------------------------------------------------------------------------

    def _work(self, owner: Owner[Sight], slot: NewestSlot[_Arrival]) -> None:
        if owner.value is None:
            return
        pipeline = owner.value.pipeline
        pipeline.reset("activated")
        self._take_all(pipeline, slot)
        pipeline.reset("deactivated")

    def _take_all(self, pipeline: FacePipeline, slot: NewestSlot[_Arrival]) -> None:
        while rclpy.ok(context=self.context):
            arrival = slot.take(timeout_s=0.5)
            if arrival is None:
                if slot.closed:
                    return
                continue
            try:
                self._handle(pipeline, arrival)
            except BadImage as error:
                self._stats.refused[error.reason] += 1
                self._warn(f"image refused, {error}", error.reason)
            except Exception as error:  # one bad frame must never silence the node
                if not rclpy.ok(context=self.context):
                    return
                self._stats.refused[type(error).__name__] += 1
                self._warn(f"frame failed: {type(error).__name__}: {error}", type(error).__name__)

    def _handle(self, pipeline: FacePipeline, arrival: _Arrival) -> None:
        message, settings, clock = arrival.message, self.settings, self.get_clock()
        started = clock.now()
        began = time.perf_counter_ns()
        image = messages.picture(message, settings.max_pixels)
        decode_ns = time.perf_counter_ns() - began
        header = message.header
        camera = self._calibration.camera(
            image.shape[1],
            image.shape[0],
            header.frame_id,
            lambda what: self._warn(what, "camera_info"),
        )
        pipeline.settings = settings.pipeline()
        frame = Frame(image, messages.stamp_ns(header.stamp), header.frame_id)
        result = pipeline.process(frame, camera)
        finished = clock.now()

        stats = self._stats
        stats.processed += 1
        stats.detector_runs += result.detector_ran
        stats.latency_ns.append(max(0, finished.nanoseconds - frame.stamp_ns))
        began = time.perf_counter_ns()
        self._out["landmarks"].publish(messages.landmarks(result, header))
        self._out["boxes"].publish(messages.boxes(result, header))
        self._out["head_poses"].publish(messages.head_poses(result, header))
        self._out["gazes"].publish(messages.gazes(result, header))
        if settings.publish_tf:
            transforms = messages.transforms(result, header, settings.tf_prefix)
            if transforms.transforms:
                self._out["tf"].publish(transforms)
        progress = Progress(
            received_ns=arrival.received_ns,
            started_ns=started.nanoseconds,
            finished_ns=finished.nanoseconds,
            decode_ns=decode_ns,
            publish_ns=self._publish_ns,
            frames_received=stats.received,
            frames_processed=stats.processed,
            frames_dropped=stats.dropped,
            frames_refused=stats.refused_total,
            engine=pipeline.engine.name,
            detector=pipeline.detector.name,
            detector_runs=stats.detector_runs,
        )
        self._out["status"].publish(messages.status(result, header, progress))
        if self._out["debug_image"].get_subscription_count():
            picture = drawing.draw(image, result)
            self._out["debug_image"].publish(messages.image_message(picture, header))
        self._publish_ns = time.perf_counter_ns() - began

    def _warn(self, text: str, kind: str) -> None:
        if self._throttle.due(kind, time.monotonic_ns()):
            self.get_logger().warning(text)

    # Diagnostics ----------------------------------------------------------------------------------

    def _publish_diagnostics(self) -> None:
        stats = self._stats
        sight = None if self._owner is None else self._owner.value
        level, summary = assess(self._facts(sight))
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

    def _facts(self, sight: Sight | None) -> Facts:
        building = "" if self._owner is None or self._owner.settled else self._engine_words
        if not self._subscriptions_here:
            return Facts(self._owner is not None, None, building=building)
        topic, stats, before = self._subscriptions_here[0].topic_name, self._stats, self._reported
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
            camera_problem=self._calibration.problem,
            building=building,
            engine_problem=sight.engine.refusals[-1] if sight and sight.engine.losses else "",
        )

    def _on_incompatible_qos(self, event: Any) -> None:
        self._incompatible = qos_policy_name_from_kind(event.last_policy_kind).lower()
        self._warn(f"a publisher offers images with incompatible {self._incompatible}", "qos")


def replace_depth(profile: QoSProfile, depth: int) -> QoSProfile:
    """A copy of a QoS profile with another depth."""
    return QoSProfile(
        depth=depth,
        history=profile.history,
        reliability=profile.reliability,
        durability=profile.durability,
    )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    rclpy.init(args=args)
    node: FaceNode | None = None
    code = 0
    try:
        node = FaceNode()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if node.settings.autostart:
            if node.trigger_configure() != TransitionCallbackReturn.SUCCESS:
                return 1
            node.trigger_activate()
        executor.spin()
        code = int(node.failed)
    except BadSetting as error:
        print(f"face_node: {error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, ExternalShutdownException):
        code = int(node is not None and node.failed)
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    if node is not None and node.stuck:
        # A build of ONNX Runtime's cannot be stopped; the process can.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
