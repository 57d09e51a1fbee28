# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every shipped model has a card that names it, its licence and its figures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from atpn_ros.detectors import load_detector
from atpn_ros.detectors.atpn import DETECTOR_MODEL
from atpn_ros.engines import load_engine
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.settings import SHIPPED_MODEL, Settings
from atpn_ros.types import Box, FaceState, Frame

MODELS = sorted(SHIPPED_MODEL.parent.glob("*.onnx"))
FACE_MODELS = [m for m in MODELS if m != DETECTOR_MODEL]


def test_the_default_model_is_shipped() -> None:
    assert SHIPPED_MODEL in MODELS


@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.name)
def test_a_model_has_a_card_of_its_own(model: Path) -> None:
    card = model.with_suffix(".md").read_text()
    assert hashlib.sha256(model.read_bytes()).hexdigest() in card, "the card is of other weights"
    for word in ("Licence", "Data", "Figures", "Known failures"):
        assert word in card
    assert model.stat().st_size < 8 * 2**20


def test_all_shipped_models_are_named_in_the_settings() -> None:
    named = {Settings(model=name).model_path() for name in ("", "research", "asmnet")}
    assert named == set(FACE_MODELS)


@pytest.mark.parametrize("model", FACE_MODELS, ids=lambda p: p.name)
def test_a_shipped_model_sees_the_portrait_and_nobody_on_a_wall(model: Path) -> None:
    data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
    settings = Settings()
    engine = load_engine(model, "onnx-cpu")
    pipeline = FacePipeline(engine, load_detector(), settings.pipeline_settings())
    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    for n in range(3):
        (face,) = pipeline.process(Frame(picture, n * 66_000_000)).faces
    assert face.landmarks is not None
    # By eye on the photograph: between the eyes, and the mouth's middle.
    assert np.hypot(*(face.landmarks[60:76].mean(axis=0) - (225, 106))) < 6
    assert np.hypot(*(face.landmarks[76:88].mean(axis=0) - (224, 144))) < 8
    (lost,) = pipeline.process(Frame(np.full_like(picture, 128), 264_000_000)).faces
    assert lost.state is FaceState.LOST


@pytest.mark.parametrize("scale", [0.25, 1.0, 2.0])
def test_the_shipped_detector_sees_the_portrait_and_nobody_on_a_wall(scale: float) -> None:
    data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    detector = load_detector("atpn")
    face, *others = detector.detect(picture)
    assert all(o.score < 0.6 for o in others), "emblems on the suit, which presence refuses"
    assert face.score > 0.75
    assert face.box.iou(Box(*(v * scale for v in (224, 116, 88, 116)))) > 0.5
    assert detector.detect(np.full_like(picture, 128)) == []
