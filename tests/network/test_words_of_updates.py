"""Gradients of digital parameters have the words that a fixed-point unit prepares updates in, not those of errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsim.digital.arithmetic import FLOAT32, make_arithmetic
from archsim.digital.specification import FixedPointSettings
from archsim.network.operators import Pass, StatefulOperator
from tests.network.operators_by_hand import node_of, operator_of


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ({"kind": "batch-norm"}, (3, 5)),
        ({"kind": "layer-norm"}, (4, 6)),
        ({"kind": "group-norm", "groups": 2}, (4, 5)),
        ({"kind": "position-embedding"}, (4, 6)),
    ],
)
def test_gradients_of_parameters_have_the_words_of_updates(layer: dict[str, Any], shape: tuple[int, ...]) -> None:
    """They are closer to exact ones than errors of few bits are: s(1,15) against s(1,5)."""
    unit = make_arithmetic(FixedPointSettings(backward="s(1,5)"))
    node, rng = node_of(layer, shape), np.random.default_rng(7)
    x = rng.normal(size=(8, *shape)).astype(np.float32)
    d = unit.backward.number(rng.normal(size=(8, *shape)).astype(np.float32) / 64)
    found = []
    for arithmetic in (FLOAT32, unit.backward):
        operator = operator_of(node, arithmetic)
        assert isinstance(operator, StatefulOperator)
        at = Pass({p.name: np.full(p.shape, p.initial, np.float32) for p in node.parameters})
        output = operator.forward_pass(node, (x,), at)
        found.append(operator.backward_pass(node, (x,), output, d, at)[1])
    exact, words = found
    name = "bias" if "bias" in words else "weight"
    np.testing.assert_array_equal(unit.update.number(words[name]), words[name])
    assert not np.array_equal(unit.backward.number(words[name]), words[name])
    np.testing.assert_allclose(words[name], exact[name], atol=2.0**-14 * np.abs(exact[name]).max())
