# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reading ONNX files: damaged ones are refused, and the input's type can be changed."""

import pytest

from atpn_ros.engines import ModelError
from atpn_ros.engines.model_inspection import inspect_model, with_float_input

pytest.importorskip("onnx", reason="small models are made with it")
from engine_world import small_model


def test_float_input_changes_only_the_inputs_type(tmp_path):
    data = small_model(tmp_path / "m.onnx").read_bytes()
    changed = with_float_input(data)
    assert sum(a != b for a, b in zip(data, changed, strict=True)) == 1
    assert inspect_model(changed).uint8_input == ""
    assert with_float_input(changed) == changed


@pytest.mark.parametrize("data", [b"", b"\x00", b"not a model", bytes(range(256)), b"\x3a\x7f"])
def test_data_that_is_not_onnx_is_refused(data):
    with pytest.raises(ModelError, match="not an ONNX"):
        inspect_model(data)


def test_every_prefix_of_a_model_is_read_or_refused(tmp_path):
    data = small_model(tmp_path / "m.onnx").read_bytes()
    for end in range(0, len(data), 7):
        try:
            inspect_model(data[:end])
        except ModelError:
            continue
