"""Every operator and loss that PyTorch has, too, where it is installed: outputs and gradients in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from archsim.digital.losses import mean_squared_error, softmax_cross_entropy
from archsim.network.build import build_graph
from archsim.network.graph import Node
from archsim.network.operators import MatrixOperator, Pass, StatefulOperator, load_operator
from archsim.network.operators.recurrent import RecurrentOperator, recurrent_operator
from archsim.network.specification import NetworkSpecification
from tests.network.operators_by_hand import Block, node_of, operator_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

Shapes = tuple[tuple[int, ...], ...]
#: Layer, shapes of its inputs, and the function of PyTorch.
Case = tuple[dict[str, Any], Shapes, Callable[..., Any]]
PLAIN: list[Case] = [
    ({"kind": "identity"}, ((2, 7),), lambda x: x.clone()),
    ({"kind": "relu"}, ((2, 7),), F.relu),
    ({"kind": "relu6"}, ((2, 7),), F.relu6),
    ({"kind": "leaky-relu", "slope": 0.2}, ((2, 7),), lambda x: F.leaky_relu(x, 0.2)),
    ({"kind": "sigmoid"}, ((2, 7),), torch.sigmoid),
    ({"kind": "tanh"}, ((2, 7),), torch.tanh),
    ({"kind": "gelu"}, ((2, 7),), F.gelu),
    ({"kind": "gelu", "approximate": "tanh"}, ((2, 7),), lambda x: F.gelu(x, approximate="tanh")),
    ({"kind": "silu"}, ((2, 7),), F.silu),
    ({"kind": "hard-swish"}, ((2, 7),), F.hardswish),
    ({"kind": "softmax"}, ((2, 7),), lambda x: F.softmax(x, dim=-1)),
    ({"kind": "max-pool", "kernel": 2, "padding": 1}, ((2, 5, 4),), lambda x: F.max_pool2d(x, 2, padding=1)),
    (
        {"kind": "max-pool", "kernel": [3, 2], "stride": [1, 2]},
        ((2, 5, 4),),
        lambda x: F.max_pool2d(x, (3, 2), stride=(1, 2)),
    ),
    (
        {"kind": "max-pool", "kernel": 3, "stride": 2, "padding": 1},
        ((2, 9),),
        lambda x: F.max_pool1d(x, 3, stride=2, padding=1),
    ),
    (
        {"kind": "average-pool", "kernel": 3, "stride": 2, "padding": 1},
        ((2, 5, 4),),
        lambda x: F.avg_pool2d(x, 3, 2, 1),
    ),
    (
        {"kind": "average-pool", "kernel": 3, "padding": 1, "count_include_pad": False},
        ((2, 5, 4),),
        lambda x: F.avg_pool2d(x, 3, padding=1, count_include_pad=False),
    ),
    (
        {"kind": "average-pool", "kernel": 3, "stride": 2, "padding": 1, "count_include_pad": False},
        ((2, 9),),
        lambda x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False),
    ),
    (
        {"kind": "global-average-pool"},
        ((3, 4, 2),),
        lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    ),
    ({"kind": "global-average-pool"}, ((3, 5),), lambda x: F.adaptive_avg_pool1d(x, 1).flatten(1)),
    ({"kind": "global-max-pool"}, ((3, 4, 2),), lambda x: F.adaptive_max_pool2d(x, 1).flatten(1)),
    ({"kind": "global-max-pool"}, ((3, 5),), lambda x: F.adaptive_max_pool1d(x, 1).flatten(1)),
    (
        {"kind": "local-response-norm", "size": 3, "alpha": 0.7, "beta": 0.6, "k": 1.5},
        ((5, 2, 3),),
        lambda x: F.local_response_norm(x, 3, alpha=0.7, beta=0.6, k=1.5),
    ),
    ({"kind": "local-response-norm", "size": 4}, ((5, 2),), lambda x: F.local_response_norm(x, 4)),
    ({"kind": "add"}, ((2, 7), (2, 7)), lambda x, y: x + y),
    ({"kind": "add"}, ((2, 7), (1, 7)), lambda x, y: x + y),
    ({"kind": "multiply"}, ((2, 7), (2, 7)), lambda x, y: x * y),
    ({"kind": "multiply"}, ((3, 4, 2), (3, 1, 1)), lambda x, y: x * y),
    ({"kind": "multiply"}, ((3, 1), (1, 4)), lambda x, y: x * y),
    ({"kind": "concat", "axis": 1}, ((2, 3), (2, 4)), lambda x, y: torch.cat([x, y], dim=2)),
    ({"kind": "slice", "axis": 1, "start": 1, "stop": 4}, ((2, 7),), lambda x: x[:, :, 1:4]),
    ({"kind": "flatten"}, ((2, 3, 4),), lambda x: x.flatten(1)),
    ({"kind": "reshape", "shape": [4, 6]}, ((2, 3, 4),), lambda x: x.reshape(-1, 4, 6)),
    ({"kind": "transpose", "axes": [1, 2, 0]}, ((2, 3, 4),), lambda x: x.permute(0, 2, 3, 1)),
    ({"kind": "attention", "heads": 2}, ((3, 4), (5, 4), (5, 6)), lambda q, k, v: attended(q, k, v, causal=False)),
    ({"kind": "attention", "heads": 2, "causal": True}, ((4, 6),) * 3, lambda q, k, v: attended(q, k, v, causal=True)),
]
#: The function takes the parameters by name, too.
STATEFUL: list[Case] = [
    (
        {"kind": "batch-norm", "eps": 0.1},
        ((3, 2, 4),),
        lambda x, weight, bias, **_: F.batch_norm(x, None, None, weight, bias, training=True, eps=0.1),
    ),
    ({"kind": "batch-norm", "affine": False}, ((3,),), lambda x, **_: F.batch_norm(x, None, None, training=True)),
    (
        {"kind": "batch-norm", "folded": True},
        ((3, 4),),
        lambda x, weight, bias, running_mean, running_var: F.batch_norm(
            x, running_mean.detach(), running_var.detach(), weight, bias
        ),
    ),
    ({"kind": "layer-norm"}, ((2, 5),), lambda x, weight, bias: F.layer_norm(x, (5,), weight, bias)),
    (
        {"kind": "layer-norm", "normalized_shape": [3, 2], "eps": 0.1},
        ((2, 3, 2),),
        lambda x, weight, bias: F.layer_norm(x, (3, 2), weight, bias, eps=0.1),
    ),
    (
        {"kind": "group-norm", "groups": 2},
        ((4, 2, 3),),
        lambda x, weight, bias: F.group_norm(x, 2, weight, bias),
    ),
    (
        {"kind": "rms-norm", "eps": 0.1},
        ((2, 5),),
        lambda x, weight: F.rms_norm(x, (5,), weight, eps=0.1),
    ),
    ({"kind": "position-embedding"}, ((4, 3),), lambda x, weight: x + weight),
]
CONVOLUTIONS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"kind": "conv1d", "kernel": 3, "stride": 2, "padding": 2, "dilation": 2, "groups": 2}, (4, 9)),
    ({"kind": "conv1d", "kernel": 3, "groups": 6}, (6, 7)),
    ({"kind": "conv1d", "kernel": 1}, (2, 5)),
    (
        {"kind": "conv2d", "kernel": [3, 2], "stride": [2, 1], "padding": [1, 2], "dilation": [1, 2], "groups": 2},
        (4, 6, 7),
    ),
    ({"kind": "conv2d", "kernel": [3, 3], "padding": [1, 1], "groups": 6}, (6, 4, 5)),
    ({"kind": "conv2d", "kernel": [2, 2], "stride": [2, 2]}, (3, 6, 4)),
]
RECURRENT = [
    {"kind": kind, "bidirectional": both, "output": output}
    for kind in ("lstm", "gru")
    for both in (False, True)
    for output in ("sequence", "last")
]


def named(case: Any) -> str:
    return " ".join(f"{key}={value}" if key != "kind" else str(value) for key, value in case.items())


def ids(cases: list[Any]) -> list[str]:
    return [f"{index} {named(case[0] if isinstance(case, tuple) else case)}" for index, case in enumerate(cases)]


def close(found: npt.NDArray[Any], expected: Any) -> None:
    """Both compute in double precision, in other orders."""
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-10, atol=1e-12)


def leaf(x: Block) -> Any:
    return torch.tensor(x, requires_grad=True)


def attended(q: Any, k: Any, v: Any, *, causal: bool) -> Any:
    split = [x.reshape(*x.shape[:2], 2, -1).transpose(1, 2) for x in (q, k, v)]
    return F.scaled_dot_product_attention(*split, is_causal=causal).transpose(1, 2).flatten(2)


@pytest.mark.parametrize(("layer", "shapes", "function"), PLAIN, ids=ids(PLAIN))
def test_an_operator_without_parameters(layer: dict[str, Any], shapes: Shapes, function: Callable[..., Any]) -> None:
    node, random = node_of(layer, *shapes), np.random.default_rng(1)
    inputs = tuple(3 * random.normal(size=(3, *shape)) for shape in shapes)
    leaves = [leaf(x) for x in inputs]
    expected = function(*leaves)
    y = operator_of(node).forward(node, inputs)
    close(y, expected)
    d = random.normal(size=y.shape)
    expected.backward(torch.tensor(d))
    for gradient, at in zip(operator_of(node).gradient(node, inputs, y, d), leaves, strict=True):
        close(gradient, at.grad)


@pytest.mark.parametrize(("layer", "shapes", "function"), STATEFUL, ids=ids(STATEFUL))
def test_an_operator_with_parameters(layer: dict[str, Any], shapes: Shapes, function: Callable[..., Any]) -> None:
    node, random = node_of(layer, *shapes), np.random.default_rng(2)
    values = {p.name: random.uniform(0.5, 1.5, p.shape) for p in node.parameters}
    x, parameters = random.normal(1.0, 2.0, size=(5, *shapes[0])), {name: leaf(v) for name, v in values.items()}
    at_input, operator, at = leaf(x), operator_of(node), Pass(values)
    assert isinstance(operator, StatefulOperator)
    expected = function(at_input, **parameters)
    y = operator.forward_pass(node, (x,), at)
    close(y, expected)
    d = random.normal(size=y.shape)
    expected.backward(torch.tensor(d))
    (gradient,), of_parameters = operator.backward_pass(node, (x,), y, d, at)
    close(gradient, at_input.grad)
    for parameter in node.parameters:
        if parameter.trained:
            close(of_parameters[parameter.name], parameters[parameter.name].grad)


def test_running_averages_of_a_batch_norm() -> None:
    node, random = node_of({"kind": "batch-norm", "momentum": 0.3}, (3, 2, 2)), np.random.default_rng(3)
    values = {p.name: random.uniform(0.5, 1.5, p.shape) for p in node.parameters}
    x, operator, at = random.normal(size=(4, 3, 2, 2)), operator_of(node), Pass(values)
    assert isinstance(operator, StatefulOperator)
    running = [torch.tensor(values[name]) for name in ("running_mean", "running_var")]
    F.batch_norm(torch.tensor(x), *running, training=True, momentum=0.3)
    operator.forward_pass(node, (x,), at)
    state = operator.next_state(node, at)
    close(state["running_mean"], running[0])
    close(state["running_var"], running[1])


def test_an_embedding() -> None:
    layers = [
        {"name": "op", "kind": "embedding", "vocabulary": 6, "features": 3},
        {"name": "out", "kind": "linear", "features": 2},
    ]
    specification = NetworkSpecification.model_validate({"input_shape": [3], "layers": layers})
    node, random = build_graph(specification)["op"], np.random.default_rng(4)
    tokens, table = random.integers(0, 6, (2, 3)).astype(float), random.normal(size=(6, 3))
    operator, at, at_table = operator_of(node), Pass({"weight": table}), leaf(table)
    assert isinstance(operator, StatefulOperator)
    expected = F.embedding(torch.tensor(tokens).long(), at_table)
    y = operator.forward_pass(node, (tokens,), at)
    close(y, expected)
    d = random.normal(size=y.shape)
    expected.backward(torch.tensor(d))
    close(operator.backward_pass(node, (tokens,), y, d, at)[1]["weight"], at_table.grad)


@pytest.mark.parametrize(("settings", "shape"), CONVOLUTIONS, ids=ids(CONVOLUTIONS))
def test_a_convolution(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    node, random = node_of(settings | {"channels": 6}, shape), np.random.default_rng(5)
    groups, kernel = settings.get("groups", 1), np.atleast_1d(settings["kernel"])
    weight, x = random.normal(size=(6, shape[0] // groups, *kernel)), random.normal(size=(3, *shape))
    more = {key: settings[key] for key in ("stride", "padding", "dilation", "groups") if key in settings}
    _check_matrices(node, x, weight, lambda at, w: getattr(F, node.kind)(at, w, **more))


@pytest.mark.parametrize("shape", [(5,), (4, 5)])
def test_a_linear_layer(shape: tuple[int, ...]) -> None:
    node, random = node_of({"kind": "linear", "features": 4}, shape), np.random.default_rng(6)
    _check_matrices(node, random.normal(size=(3, *shape)), random.normal(size=(4, 5)), F.linear)


def _check_matrices(node: Node, x: Block, weight: Block, function: Callable[..., Any]) -> None:
    """Compare output and gradients of a layer whose matrices are the parts of a weight."""
    operator = load_operator(node.kind)
    assert isinstance(operator, MatrixOperator)
    at_input, at_weight = leaf(x), leaf(weight)
    expected = function(at_input, at_weight)
    parts = [part.reshape(len(part), -1) for part in np.split(weight, len(node.matrices))]
    vectors = [operator.unfold(node, matrix, (x,)) for matrix in node.matrices]
    y = operator.fold(node, tuple(v @ w.T for v, w in zip(vectors, parts, strict=True)))
    close(y, expected)
    d = np.random.default_rng(7).normal(size=y.shape)
    expected.backward(torch.tensor(d))
    errors = [operator.unfold_gradient(node, matrix, d) for matrix in node.matrices]
    (gradient,) = operator.fold_gradient(node, tuple(e @ w for e, w in zip(errors, parts, strict=True)))
    close(gradient, at_input.grad)
    found = np.concatenate([e.T @ v for e, v in zip(errors, vectors, strict=True)]).reshape(weight.shape)
    close(found, at_weight.grad)


@pytest.mark.parametrize("settings", RECURRENT, ids=ids(RECURRENT))
def test_a_recurrent_layer(settings: dict[str, Any]) -> None:
    node, random, hidden = node_of(settings | {"features": 3}, (4, 2)), np.random.default_rng(8), 3
    kind, both = getattr(torch.nn, settings["kind"].upper()), settings["bidirectional"]
    cell = kind(2, hidden, batch_first=True, bidirectional=both, dtype=torch.float64)
    x = random.normal(size=(5, 4, 2))
    at_input = leaf(x)
    expected, _ = cell(at_input)
    if settings["output"] == "last":
        # The last step of the second direction stands at the first position.
        expected = torch.cat([expected[:, -1, :hidden], expected[:, 0, hidden:]], dim=1)
    weights, biases = _weights_of(cell, settings["kind"], both)
    operator = recurrent_operator(node)
    states, kept, vectors = _unrolled(operator, node, x, weights, biases)
    y = operator.output(node, np.stack(states[1:], axis=1))
    close(y, expected)
    d = random.normal(size=y.shape)
    expected.backward(torch.tensor(d))
    gradient, errors = _rolled_up(operator, node, weights, states, kept, d)
    close(gradient, at_input.grad)
    of_weights = [np.einsum("tso,tsi->oi", e, v) for e, v in zip(errors, vectors, strict=True)]
    of_biases = [np.sum(e, axis=(0, 1)) for e in errors]
    expected_weights, expected_biases = _weights_of(cell, settings["kind"], both, gradients=True)
    for found, wanted in zip([*of_weights, *of_biases], [*expected_weights, *expected_biases], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def _weights_of(cell: Any, kind: str, both: bool, *, gradients: bool = False) -> tuple[list[Block], list[Block]]:
    """Return the matrices and biases of a layer as it holds them, or their gradients.

    Of an LSTM, whose bias is the sum of PyTorch's two, each has the gradient of the sum.
    """
    weights, biases = [], []
    for end in ("", "_reverse") if both else ("",):
        names = [f"{what}_{side}_l0{end}" for what in ("weight", "bias") for side in ("ih", "hh")]
        parts = [getattr(cell, name) for name in names]
        w_ih, w_hh, b_ih, b_hh = ((p.grad if gradients else p).detach().numpy() for p in parts)
        if kind == "lstm":
            weights.append(np.concatenate([w_ih, w_hh], axis=1))
            biases.append(b_ih if gradients else b_ih + b_hh)
        else:
            weights += [w_ih, w_hh]
            biases += [b_ih, b_hh]
    return weights, biases


def _unrolled(
    operator: RecurrentOperator, node: Node, x: Block, weights: list[Block], biases: list[Block]
) -> tuple[list[Block], list[Block], list[list[Block]]]:
    """Return the states before and behind all steps, what each keeps, and the vectors of each matrix."""
    states, kept = [np.zeros((len(x), operator.state_size(node)))], []
    vectors: list[list[Block]] = [[] for _ in weights]
    for step in range(operator.steps(node)):
        outputs = []
        for index, (matrix, w, b) in enumerate(zip(node.matrices, weights, biases, strict=True)):
            vectors[index].append(operator.vectors(node, matrix, step, (x,), states[-1]))
            outputs.append(vectors[index][-1] @ w.T + b)
        state, left = operator.advance(node, tuple(outputs), states[-1])
        states.append(state)
        kept.append(left)
    return states, kept, vectors


def _rolled_up(
    operator: RecurrentOperator, node: Node, weights: list[Block], states: list[Block], kept: list[Block], d: Block
) -> tuple[Block, list[list[Block]]]:
    """Return the gradient at the input, and the errors of each matrix, step after step."""
    steps, at_state = operator.steps(node), np.zeros_like(states[0])
    errors: list[list[Block]] = [[] for _ in weights]
    back: list[list[Block]] = [[] for _ in weights]
    for step in reversed(range(steps)):
        given = at_state + operator.output_gradient(node, step, d)
        found, at_state = operator.retreat(node, states[step], kept[step], given)
        for index, (matrix, w, error) in enumerate(zip(node.matrices, weights, found, strict=True)):
            errors[index].insert(0, error)
            back[index].insert(0, error @ w)
            if operator.drive(node, matrix).state:
                at_state = operator.state_gradient(node, matrix, error @ w, at_state)
    drives = [operator.drive(node, matrix).input for matrix in node.matrices]
    at_vectors = [np.stack(b, axis=1) if drive else None for b, drive in zip(back, drives, strict=True)]
    (gradient,) = operator.fold_gradient(node, tuple(at_vectors))
    return gradient, errors


def test_losses() -> None:
    random = np.random.default_rng(9)
    outputs, labels, targets = random.normal(size=(6, 4)), random.integers(0, 4, 6), random.normal(size=(6, 4))
    at_outputs = leaf(outputs)
    for (found, gradient), expected in (
        (softmax_cross_entropy(outputs, labels), F.cross_entropy(at_outputs, torch.tensor(labels), reduction="sum")),
        (mean_squared_error(outputs, targets), F.mse_loss(at_outputs, torch.tensor(targets), reduction="sum") / 4),
    ):
        at_outputs.grad = None
        expected.backward()
        assert found == pytest.approx(expected.item(), rel=1e-12)
        close(gradient, at_outputs.grad)
