# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Executes one ATPN training run of a run file (YAML): loads its data and trains."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.learning.config import ConfigError
from atpn_ros.learning.data.backgrounds import load_panoramas, without_faces
from atpn_ros.learning.data.batches import TrainingSet
from atpn_ros.learning.data.camera_gaze_training import load_camera_gaze_faces
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.cutout_faces import load_cutout_faces
from atpn_ros.learning.data.detection_crops import load_detection_crops
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.landmark_convention import corrected, load_offsets
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.data.training_faces import (
    load_training_faces,
    load_training_photographs,
    negatives,
    positives,
)
from atpn_ros.learning.networks.atpn import Atpn
from atpn_ros.learning.training.time_plan import train_until
from atpn_ros.learning.training.train import TrainSettings, train
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Data folders, relative to the data folder of the command; empty for none.

    Attributes:
        renders: Training shards of ``atpn synth --shards``, or a file of packed faces.
        photographs: Folder with ``labels.json``, whose split ``train`` is used for training, or a
            file of packed faces (:mod:`atpn_ros.learning.data.packed_faces`).
        sets: Public data sets as ``KIND:FOLDER``, such as ``wflw:WFLW``, see docs/measure.md.
        complete: Whether these must have the published number of faces.
        lens_faces: Folder of the photographs of people who look into the lens, with the subfolders
            that :mod:`atpn_ros.learning.data.camera_gaze_training` names; needs a model in
            ``begin_with``.
        turned_irises: Copies with turned irises of each of those with hand-placed points.
        cutouts: File of cut-outs of a detector's training, whose people train landmarks and
            rotation; needs a model in ``begin_with``.
        cutouts_root: Folder of the data sets that were cut out.
        correct_renders: Whether landmarks of renders are moved by the mean offset from those that
            the model in ``begin_with`` predicts to the hand-placed ones of the cut-outs.
        render_offsets: File of such offsets that were measured before.
        without_faces: Folder of photographs without a face, used as backgrounds.
        finds: Archive of crops of a detector's finds, which train presence.
        backgrounds: Folder of ``.hdr`` panoramas without people.
        validation_renders: Shards, or a file of packed faces, for validation.
        validation_photographs: Folder with ``labels.json``, whose split ``val`` is for validation,
            or a file of packed faces.
    """

    renders: str = ""
    photographs: str = ""
    sets: tuple[str, ...] = ()
    complete: bool = True
    lens_faces: str = ""
    turned_irises: int = 14
    cutouts: str = ""
    cutouts_root: str = "."
    correct_renders: bool = False
    render_offsets: str = ""
    without_faces: str = ""
    finds: str = ""
    backgrounds: str = ""
    validation_renders: str = ""
    validation_photographs: str = ""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training run, as a run file defines it.

    Attributes:
        train: Training settings.
        data: Training and validation data.
        begin_with: Checkpoint or exported ``.onnx`` file, relative to the data folder, whose
            weights initialize the network; empty for random weights.
    """

    train: TrainSettings = field(default_factory=TrainSettings)
    data: TrainingData = field(default_factory=TrainingData)
    begin_with: str = ""


_VALIDATION_FACES = 400
"""Largest number of faces of each validation set, so that a validation takes only seconds."""


def check_run(run: TrainingRun, where: str) -> None:
    """Check that the fields of a run are consistent.

    Raises:
        ConfigError: They are not; the message begins with ``where``.
    """
    data = run.data
    faces = (data.renders, data.photographs, data.sets, data.lens_faces, data.cutouts)
    if not any(faces):
        raise ConfigError(f"{where}: data: needs renders, photographs, sets, lens_faces or cutouts")
    for name in ("lens_faces", "cutouts"):
        if getattr(data, name) and not run.begin_with.endswith(".onnx"):
            raise ConfigError(f"{where}: begin_with: {name} needs an .onnx model to begin with")
    if data.correct_renders and not data.cutouts:
        raise ConfigError(f"{where}: data: correct_renders needs cutouts to measure offsets with")
    if data.correct_renders and data.render_offsets:
        raise ConfigError(f"{where}: data: correct_renders and render_offsets exclude each other")


def load_source(data: TrainingData, root: Path) -> TrainingSet:
    """Load the training data from folders below ``root``.

    Raises:
        DataError: A folder or file is missing or damaged.
    """
    renders = load_renders(root / data.renders) if data.renders else []
    photographs = (
        load_training_photographs(root / data.photographs, "train") if data.photographs else []
    )
    for source in data.sets:
        photographs += load_training_faces(source, root, data.complete)
    backgrounds = load_panoramas(root / data.backgrounds) if data.backgrounds else []
    if data.without_faces:
        folder = root / data.without_faces
        backgrounds += [image for _, image in without_faces(folder, held_out=False)]
    backgrounds += negatives([*renders, *photographs])
    finds = load_detection_crops(root / data.finds) if data.finds else None
    return TrainingSet(positives(renders), positives(photographs), backgrounds, finds)


def load_training_set(run: TrainingRun, root: Path) -> TrainingSet:
    """Load the training data of a run, with the faces that its first network labels.

    Raises:
        DataError: A folder or file is missing or damaged.
    """
    source, offsets = load_uncorrected(run, root)
    if offsets is None:
        return source
    return replace(source, renders=[_corrected(face, offsets) for face in source.renders])


def load_uncorrected(run: TrainingRun, root: Path) -> tuple[TrainingSet, Floats | None]:
    """As :func:`load_training_set`, with the landmarks of the renders as they are.

    Returns:
        The data, and (98, 2) offsets for the renders' landmarks; None if they are not corrected.

    Raises:
        DataError: A folder or file is missing or damaged.
    """
    data, source = run.data, load_source(run.data, root)
    offsets = load_offsets(root / data.render_offsets) if data.render_offsets else None
    if not (data.lens_faces or data.cutouts):
        return source, offsets
    photographs = list(source.photographs)
    with closing(OnnxEngine(root / run.begin_with, "onnx-cpu", "CPUExecutionProvider")) as engine:
        if data.lens_faces:
            photographs += load_camera_gaze_faces(
                root / data.lens_faces, engine, data.turned_irises, run.train.seed
            )
        if data.cutouts:
            faces, measured = load_cutout_faces(
                root / data.cutouts, root / data.cutouts_root, engine
            )
            photographs += faces
            if data.correct_renders:
                offsets = measured
    return replace(source, photographs=photographs), offsets


def _corrected(face: LabelledFace, offsets: Floats) -> LabelledFace:
    return face if face.rotation is None else corrected(face, offsets, face.rotation)


def load_validation_sets(data: TrainingData, root: Path) -> dict[str, list[LabelledFace]]:
    """Load the faces for validation, by the name of their set.

    Raises:
        DataError: A folder or file is missing or damaged.
    """
    validation = {}
    if data.validation_photographs:
        validation["photographs"] = load_training_photographs(
            root / data.validation_photographs, "val"
        )
    if data.validation_renders:
        validation["renders"] = positives(load_renders(root / data.validation_renders))
    return {name: faces[:_VALIDATION_FACES] for name, faces in validation.items()}


def run_training(
    run: TrainingRun,
    root: Path,
    folder: Path,
    workers: int = 1,
    threads: int | None = None,
    seconds: float | None = None,
) -> Atpn:
    """Execute a training run, or resume it; returns the network with averaged weights.

    Args:
        run: Contents of a run file.
        root: Folder that the data folders are relative to.
        folder: Output folder of the run.
        workers: Processes that make training crops.
        threads: PyTorch's number of threads; None for one per core.
        seconds: Time limit of the call, for which the number of steps is planned. None: as many
            steps as the settings have.

    Raises:
        DataError: Data or the folder's checkpoint cannot be read, or a run with a time limit has a
            checkpoint already.
    """
    end = None if seconds is None else time.monotonic() + seconds
    if threads is not None:
        torch.set_num_threads(threads)
    begin = root / run.begin_with if run.begin_with else None
    if begin is not None and not begin.is_file():
        raise DataError(f"{begin}: no such checkpoint to begin with")
    source = load_training_set(run, root)
    validation = load_validation_sets(run.data, root)
    if end is not None:
        return train_until(run.train, source, validation, folder, workers, begin, end)
    return train(run.train, source, validation, folder, workers, begin)
