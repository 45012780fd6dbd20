"""Pooling of sequences (channels, length): the windows of the definition, and the pooling of images of one row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsim.errors import InputError
from tests.network.operators_by_hand import Block, check_gradients, node_of, operator_of

SETTINGS: list[dict[str, Any]] = [
    {"kernel": 2},
    {"kernel": 3, "stride": 1, "padding": 1},
    {"kernel": 4, "stride": 3, "padding": 2},
    {"kernel": 9},
]
KINDS: list[dict[str, Any]] = [
    {"kind": "max-pool"},
    {"kind": "average-pool"},
    {"kind": "average-pool", "count_include_pad": False},
]


def block() -> Block:
    """Distinct numbers, further apart than the step of the differences."""
    return np.random.default_rng(3).permutation(2 * 3 * 9).reshape(2, 3, 9) / 7


def defined(layer: dict[str, Any], x: Block) -> Block:
    """Every window of the definition, one after the other."""
    kernel, padding = layer["kernel"], layer.get("padding", 0)
    stride, length = layer.get("stride", kernel), x.shape[2]
    found = []
    for first in range(-padding, length + padding - kernel + 1, stride):
        seen = x[:, :, max(first, 0) : first + kernel]
        if layer["kind"] == "max-pool":
            found.append(seen.max(axis=2))
        else:
            found.append(seen.sum(axis=2) / (kernel if layer.get("count_include_pad", True) else seen.shape[2]))
    return np.stack(found, axis=2)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_windows_are_those_of_the_definition(kind: dict[str, Any], settings: dict[str, Any]) -> None:
    layer, x = kind | settings, block()
    node = node_of(layer, (3, 9))
    expected = defined(layer, x)
    np.testing.assert_allclose(operator_of(node).forward(node, (x,)), expected, rtol=1e-12)
    assert node.shape == expected.shape[1:]
    check_gradients(node, (x,))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_is_an_image_of_one_row(kind: dict[str, Any], settings: dict[str, Any]) -> None:
    row = {key: [int(key != "padding"), value] if key == "stride" else value for key, value in settings.items()}
    row |= {"kernel": [1, settings["kernel"]], "padding": [0, settings.get("padding", 0)]}
    nodes = node_of(kind | settings, (3, 9)), node_of(kind | row, (3, 1, 9))
    blocks = block(), block()[:, :, None]
    found = [operator_of(node).forward(node, (x,)) for node, x in zip(nodes, blocks, strict=True)]
    np.testing.assert_array_equal(found[0], found[1][:, :, 0])
    back = [operator_of(node).gradient(node, (x,), y, y)[0] for node, x, y in zip(nodes, blocks, found, strict=True)]
    np.testing.assert_array_equal(back[0], back[1][:, :, 0])
    costs = [(operator_of(node).cost(node), operator_of(node).gradient_cost(node)) for node in nodes]
    assert costs[0] == costs[1]


@pytest.mark.parametrize("shape", [(3, 9), (3, 2, 4)])
def test_a_global_max_pool_keeps_the_largest_number_of_each_channel(shape: tuple[int, ...]) -> None:
    node, x = node_of({"kind": "global-max-pool"}, shape), np.random.default_rng(5).normal(size=(4, *shape))
    np.testing.assert_array_equal(operator_of(node).forward(node, (x,)), x.max(axis=tuple(range(2, x.ndim))))
    check_gradients(node, (x,))
    size = int(np.prod(shape))
    assert operator_of(node).cost(node).operations(1) == size - 3
    assert operator_of(node).gradient_cost(node).operations(1) == 0
    assert operator_of(node).waits_for_sample(node)


@pytest.mark.parametrize(
    ("layer", "key", "message"),
    [
        ({"kind": "max-pool", "kernel": [1, 2]}, "kernel", r"has one extent\n.*\n *allowed: one whole number"),
        ({"kind": "average-pool", "kernel": 2, "stride": [1, 2]}, "stride", "has one extent"),
        ({"kind": "max-pool", "kernel": 10}, "kernel", "spans 10 elements, and the input with its padding has 9"),
        ({"kind": "max-pool", "kernel": 3, "padding": 2}, "padding", r"at most half of the kernel, \[1\]"),
    ],
)
def test_what_does_not_fit_is_refused(layer: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        node_of(layer, (3, 9))
    assert refused.value.field is not None
    assert refused.value.field.endswith(key)
