# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Generates numbered, labelled face samples; sample i depends only on the seed and on i."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.crop import CROP_MARGIN
from atpn_ros.learning.data.presence import holds_face
from atpn_ros.learning.synth.assets import aged_head, builtin, packed
from atpn_ros.learning.synth.assets import library as assets_module
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.render import backdrop, effects
from atpn_ros.learning.synth.render.renderer import Renderer
from atpn_ros.learning.synth.sampling import negatives
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan, face_scene
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.body import Body
from atpn_ros.learning.synth.scene.description import Scene
from atpn_ros.types import Box, Floats, Image


@dataclass(frozen=True, slots=True)
class RenderedSample:
    """A rendered picture with the renderer's exact labels, as shards store it.

    Attributes:
        index: Its number in the stream.
        image: (S, S, 3) uint8 BGR.
        camera: (3, 3) matrix of the picture.
        face: Its labels, in the picture's pixels and its camera's frame; None in a picture without
            a face, and for a statue.
        scene: What it was made of.
        overlap: How much of the face's crop the picture is: intersection over union of the picture
            and the square that holds the face (:data:`atpn_ros.crop.CROP_MARGIN`).
        presence: Whether the picture counts as a crop that holds the face.
    """

    index: int
    image: Image
    camera: Floats
    face: labels.FaceLabels | None
    scene: Scene
    overlap: float
    presence: bool


class SampleRenderer:
    """Draws numbered samples in one process."""

    def __init__(
        self, assets: Assets, seed: int, plan: SamplePlan | None = None, supersample: float = 1.25
    ) -> None:
        self.seed, self.plan = seed, plan or SamplePlan()
        self.assets = assets = assets_module.part_of(assets, self.plan.part)
        self.palette = Palette(assets.skins.base)
        self.renderer = Renderer(assets, supersample)
        self.aged: tuple[Assets, Renderer] | None = None
        if self.plan.aged_head is not None and self.plan.aged_share > 0:
            people = aged_head.with_aged_head(assets, aged_head.load(self.plan.aged_head))
            self.aged = people, Renderer(people, supersample)

    def sample(self, index: int) -> RenderedSample:
        """The sample of a number: the same whatever was drawn before."""
        rng = np.random.default_rng((self.seed, index))
        body: Body | None
        assets, renderer = self.assets, self.renderer
        if self.aged is not None and rng.random() < self.plan.aged_share:
            assets, renderer = self.aged
        if rng.random() < self.plan.not_faces:
            scene, body = negatives.negative_scene(assets, self.palette, rng, self.plan)
        else:
            scene, body = face_scene(assets, self.palette, rng, self.plan)
        camera = scene.camera
        behind = backdrop.render(assets, scene, 1.0)
        bodies = [] if body is None else [body]
        picture = renderer.draw(scene, bodies, behind)
        image = effects.apply(picture.image, (camera.width, camera.height), scene.effects)
        if body is None or scene.people[0].statue:
            return RenderedSample(index, image, camera.matrix, None, scene, 0.0, False)
        face = labels.label(body, scene.people[0], camera, picture.depth, picture.scale)
        overlap = crop_overlap(face.box, camera.width)
        present = holds_face(overlap, face.crop_rotation)
        return RenderedSample(index, image, camera.matrix, face, scene, overlap, present)


def crop_overlap(box: Box, side: int) -> float:
    """Intersection over union of a square picture and the square crop around a face's box."""
    reach = max(box.width, box.height) * CROP_MARGIN
    picture = Box.from_xyxy(-0.5, -0.5, side - 0.5, side - 0.5)
    return picture.iou(Box(box.cx, box.cy, reach, reach))


def faces(
    folder: Path | None,
    seed: int,
    plan: SamplePlan | None = None,
    start: int = 0,
    count: int | None = None,
    processes: int = 1,
    cache: Path | None = None,
) -> Iterator[RenderedSample]:
    """Samples ``start``, ``start + 1``, ... in order, drawn by some processes.

    Args:
        folder: Asset folder, or file of packed assets; None for the procedural assets.
        seed: Of the stream.
        plan: What kind of faces.
        start: First number.
        count: How many; without it, without end.
        processes: 1 draws in this process, more in as many others.
        cache: Where prepared assets are kept.

    Raises:
        AssetError: The assets are not what they should be.
        RenderError: Nothing can be drawn here.
    """
    if processes <= 1:
        cv2.setNumThreads(1)
        renderer = SampleRenderer(load_assets(folder, cache), seed, plan)
        i = start
        while count is None or i < start + count:
            yield renderer.sample(i)
            i += 1
        return
    load_assets(folder, cache)  # prepare once, and fail here, where the error is visible
    yield from _parallel(folder, seed, plan, start, count, processes, cache)


def load_assets(folder: Path | None, cache: Path | None = None) -> Assets:
    """Load the assets of a folder, or of a file of packed ones; None: the procedural assets."""
    if folder is None:
        return builtin.load()
    return packed.load(folder) if folder.is_file() else assets_module.load(folder, cache)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile do their sums in one thread each.

    numpy's library reads these when it is loaded; its threads would fight over the same cores, and
    two processes would draw no more pictures than one.
    """
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _parallel(
    folder: Path | None, seed: int, plan: SamplePlan | None, start: int, count: int | None,
    processes: int, cache: Path | None,
) -> Iterator[RenderedSample]:  # fmt: skip
    # Spawned, not forked: a forked graphics context or thread pool does not survive.
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue(8) for _ in range(processes)]
    workers = [
        context.Process(
            target=_work, args=(folder, seed, plan, start, count, cache, k, processes, queue),
            daemon=True,
        )
        for k, queue in enumerate(queues)
    ]  # fmt: skip
    with _one_thread_each():
        for worker in workers:
            worker.start()
    try:
        i = 0
        while count is None or i < count:
            item = queues[i % processes].get()
            if isinstance(item, Exception):
                raise item
            yield item
            i += 1
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _work(
    folder: Path | None, seed: int, plan: SamplePlan | None, start: int, count: int | None,
    cache: Path | None, first: int, step: int,
    queue: multiprocessing.Queue[RenderedSample | Exception],
) -> None:  # fmt: skip
    try:
        cv2.setNumThreads(1)
        renderer = SampleRenderer(load_assets(folder, cache), seed, plan)
        i = first
        while count is None or i < count:
            queue.put(renderer.sample(start + i))
            i += step
    except Exception as error:  # handed to the reader, who raises it
        queue.put(error)
