# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained ASMNet of the study as an ONNX model that the pipeline runs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from atpn_ros.crop import CROP_SIZE
from atpn_ros.learning.data.backgrounds import without_faces
from atpn_ros.learning.data.batches import BatchSettings, TrainingBatches, TrainingSet, Truth
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.detection_crops import load_detection_crops
from atpn_ros.learning.data.head_point_model import load_points
from atpn_ros.learning.data.training_faces import load_training_photographs, positives
from atpn_ros.learning.export.onnx_export import write_onnx
from atpn_ros.learning.networks.asmnet import AsmNet, AsmNetSettings
from atpn_ros.learning.networks.asmnet_deployed import DeployedAsmNet, completion_weights
from atpn_ros.learning.studies.asmnet_study import AsmnetPlan
from atpn_ros.learning.training.checkpoints import UNREADABLE

_BATCH = 64
_OUTPUTS = ("landmarks", "rotation", "presence")


def load_asmnet(checkpoint: Path) -> tuple[AsmNet, int]:
    """The averaged network of a study's checkpoint, and the side of its training crops.

    Raises:
        DataError: The file is not such a checkpoint, or holds the baseline MobileNetV2.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        row, size = str(state["settings"]["row"]), int(state["settings"]["recipe"]["size"])
        network = AsmNet(AsmNetSettings())
        network.load_state_dict(state["average"])
    except UNREADABLE as error:
        raise DataError(f"{checkpoint}: not a checkpoint of ASMNet: {error}") from error
    if not row.startswith("asmnet"):
        raise DataError(f"{checkpoint}: holds {row}, not ASMNet")
    return network.eval(), size


def presence_data(plan: AsmnetPlan, root: Path, finds: str, backgrounds: str) -> TrainingSet:
    """The photographs of a study, crops of a detector's finds and pictures without faces.

    Args:
        plan: The study.
        root: Folder that all names are relative to.
        finds: File of crops, which ``atpn collect-finds`` writes.
        backgrounds: Folder of pictures without faces.

    Raises:
        DataError: A file or folder cannot be read.
    """
    photographs = load_training_photographs(root / plan.photographs, "train")
    empty = [image for _, image in without_faces(root / backgrounds, held_out=False)]
    return TrainingSet([], positives(photographs), empty, load_detection_crops(root / finds))


def train_presence(
    model: DeployedAsmNet, data: TrainingSet, steps: int, seed: int = 0
) -> DeployedAsmNet:
    """Train the presence of a model by logistic regression on its fixed features.

    Args:
        model: Its other weights are left as they are.
        data: Source of crops with and without faces.
        steps: Number of batches of 64 crops whose features are computed, once each.
        seed: Of the crops.
    """
    settings = BatchSettings(_BATCH, steps, 0.0, 0.4, 0.0, seed, 0.5)
    features, labels, weights = [], [], []
    model.eval()
    for crops, *values in TrainingBatches(data, settings):
        truth = Truth(*(torch.from_numpy(v) for v in values))
        with torch.inference_mode():
            features.append(model.network.features(model.resized(torch.from_numpy(crops))))
        labels.append(truth.presence)
        weights.append(truth.presence_weight)
    x, y, w = torch.cat(features).clone(), torch.cat(labels), torch.cat(weights)
    _fit_logistic(model.presence, x, y, w)
    return model


def _fit_logistic(head: nn.Linear, x: Tensor, y: Tensor, w: Tensor) -> None:
    """Weighted logistic regression of (N, F) features by L-BFGS, with a small ridge."""
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    z = (x - mean) / deviation
    weight, bias = torch.zeros(z.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = z @ weight + bias
        each = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
        value = (each * w).sum() / w.sum() + 1e-3 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)
    with torch.no_grad():
        head.weight.copy_((weight / deviation)[None])
        head.bias.copy_(bias - (mean / deviation * weight).sum())


def deploy(
    checkpoint: Path,
    plan: AsmnetPlan,
    root: Path,
    finds: str,
    backgrounds: str,
    path: Path,
    steps: int = 400,
) -> None:
    """Write a study's ASMNet as ONNX, with ATPN's input and outputs; see :class:`DeployedAsmNet`.

    Args:
        checkpoint: Of a row ``asmnet``, ``asmnet_nr`` or ``asmnet_w``.
        plan: The study, for its photographs and its head.
        root: Folder that all names are relative to.
        finds: File of crops, which ``atpn collect-finds`` writes.
        backgrounds: Folder of pictures without faces.
        path: The ``.onnx`` file.
        steps: Batches of 64 crops that train presence.

    Raises:
        DataError: A file or folder cannot be read.
        AssetError: The head cannot be read.
    """
    network, size = load_asmnet(checkpoint)
    model = DeployedAsmNet(network, size, completion_weights(load_points(root / plan.head)))
    train_presence(model, presence_data(plan, root, finds, backgrounds), steps)
    write_onnx(model.eval(), path, CROP_SIZE, _OUTPUTS)
