# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every shipped model has a card that names it, its licence and its figures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from atpn_ros.settings import SHIPPED_MODEL

MODELS = sorted(SHIPPED_MODEL.parent.glob("*.onnx"))


def test_the_default_model_is_shipped() -> None:
    assert SHIPPED_MODEL in MODELS


@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.name)
def test_a_model_has_a_card_of_its_own(model: Path) -> None:
    card = model.with_suffix(".md").read_text()
    assert hashlib.sha256(model.read_bytes()).hexdigest() in card, "the card is of other weights"
    for word in ("Licence", "Data", "Figures", "Known failures"):
        assert word in card
    assert model.stat().st_size < 8 * 2**20
