"""Random small networks: chains of linear layers, convolutions, recurrence and attention, sums with what was there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from math import prod

from hypothesis import strategies as st

from .cases import ELEMENT_WISE, INPUT, Barrier, Layer, Matrix, Recurrence

__all__ = ["networks", "stages_of"]

Shape = tuple[int, ...]
CELLS = st.sampled_from(["lstm", "gru"])


class Builder:
    """Layers one after the other, each behind the last one; a sum takes what an earlier one gave, too."""

    def __init__(self, draw: st.DrawFn, shape: Shape) -> None:
        self.draw = draw
        self.layers: list[Layer] = []
        self.shapes = {INPUT: shape}

    @property
    def last(self) -> str:
        return self.layers[-1].name if self.layers else INPUT

    @property
    def shape(self) -> Shape:
        return self.shapes[self.last]

    def add(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.shapes[layer.name] = layer.shape

    def name(self, kind: str) -> str:
        return f"{kind.replace('-', '')}{len(self.layers)}"

    def linear(self) -> None:
        """Of a sequence, one that meets the vector of each position."""
        *length, inputs = self.shape
        features = inputs if self.draw(st.booleans()) else self.draw(st.integers(3, 45))
        settings, matrix = {"features": features} | self.frozen(), Matrix(inputs, features, prod(length))
        self.add(Layer(self.name("fc"), "linear", (self.last,), (*length, features), settings, (matrix,)))

    def recurrent(self) -> None:
        """A cell with one matrix for its input and its state (LSTM) or one for each (GRU), in one direction or both."""
        length, inputs = self.shape
        kind, hidden, ways = self.draw(CELLS), self.draw(st.integers(2, 9)), self.draw(st.integers(1, 2))
        if kind == "lstm":
            matrices: tuple[Matrix, ...] = (Matrix(inputs + hidden, 4 * hidden, length, of_state=True),)
            # A state has h and c. Forward: i g, f c and their sum, o; i, f, g, o and tanh(c) are looked up.
            each = Recurrence(2, 5, 3 + 5, 13)
        else:
            of_state = Matrix(hidden, 3 * hidden, length, of_input=False, of_state=True)
            matrices = Matrix(inputs, 3 * hidden, length), of_state
            each = Recurrence(1, 4, 5 + 3, 11)
        settings: dict[str, object] = {"features": hidden, "bidirectional": ways == 2} | self.frozen()
        shape: Shape = (length, ways * hidden)
        if self.draw(st.integers(0, 3)) == 0:
            settings["output"], shape = "last", shape[1:]
        made = Recurrence(*(ways * hidden * number for number in astuple(each)))
        self.add(Layer(self.name(kind), kind, (self.last,), shape, settings, matrices * ways, recurrence=made))

    def attention(self) -> None:
        """Queries come from the last layer, keys and values from it or from others of a shape that fits."""
        queries, features = self.shape
        causal = self.draw(st.booleans())
        keys = self.another(lambda s: s[1] == features and (s[0] == queries or not causal))
        values = self.another(lambda s: s[0] == self.shapes[keys][0])
        seen, given = self.shapes[values]
        heads = self.draw(st.sampled_from([h for h in range(1, 5) if features % h == given % h == 0]))
        pairs = queries * (queries + 1) // 2 if causal else queries * seen
        # Scaled queries, products with keys, the softmax of each head; its look-ups; backward all of this once more.
        weights = (queries + pairs) * features + heads * (4 * pairs - 2 * queries) + heads * pairs
        forward = weights + pairs * given
        backward = weights + 2 * pairs * (features + given) + 3 * heads * pairs + queries * features
        settings, sources = {"heads": heads, "causal": causal}, (self.last, keys, values)
        shape = queries, given
        self.add(Layer(self.name("att"), "attention", sources, shape, settings, (), forward, backward, whole=True))

    def another(self, fits: Callable[[Shape], bool]) -> str:
        """Return a sequence with a shape that fits, the last one among them."""
        found: str = self.draw(st.sampled_from([name for name, s in self.shapes.items() if len(s) == 2 and fits(s)]))
        return found

    def convolution(self) -> None:
        channels, height, width = self.shape
        groups = self.draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
        given = groups * self.draw(st.integers(1, 3))
        kernel, stride = self.draw(st.integers(1, min(3, height, width))), self.draw(st.integers(1, 2))
        padding = self.draw(st.integers(0, 1))
        if self.draw(st.booleans()):
            given, kernel, stride, padding = channels, 2 * padding + 1, 1, padding
        shape = given, *(sliding(size + 2 * padding, kernel, stride) for size in (height, width))
        settings = {"channels": given, "kernel": kernel, "stride": stride, "padding": padding, "groups": groups}
        matrix = Matrix(channels // groups * kernel**2, given // groups, prod(shape[1:]))
        self.add(Layer(self.name("conv"), "conv2d", (self.last,), shape, settings | self.frozen(), (matrix,) * groups))

    def frozen(self) -> dict[str, bool]:
        return {} if self.draw(st.integers(0, 5)) else {"trainable": False}

    def element_wise(self) -> None:
        kind, size = self.draw(st.sampled_from(sorted(ELEMENT_WISE))), prod(self.shape)
        operations = ELEMENT_WISE[kind] * size
        self.add(Layer(self.name("act"), kind, (self.last,), self.shape, forward=operations, backward=operations))

    def pool(self) -> None:
        channels, height, width = self.shape
        kernel = self.draw(st.integers(1, min(2, height, width)))
        shape = channels, sliding(height, kernel, kernel), sliding(width, kernel, kernel)
        size = prod(shape)
        forward = size * (kernel**2 - 1)
        self.add(
            Layer(self.name("pool"), "max-pool", (self.last,), shape, {"kernel": kernel}, (), forward, backward=size)
        )

    def batch_norm(self) -> None:
        """Where a channel has several values: its statistics need all of a micro-batch."""
        channels, size = self.shape[0], prod(self.shape)
        if channels == size:
            return
        # Forward: mean, variance, eps, product with the weight, and 1 / sqrt(x) looked up; backward two means, and the
        # factors and the shift of a combination; weight and bias, mean and variance are moved.
        barrier = Barrier(5 * channels, 5 * channels, (2 + 2 * 2) * channels, 3 * channels, size, 2 * channels)
        name = self.name("norm")
        self.add(Layer(name, "batch-norm", (self.last,), self.shape, {}, (), 4 * size, 5 * size, barrier=barrier))

    def sum(self) -> None:
        alike = [name for name, shape in self.shapes.items() if shape == self.shape and name != self.last]
        if alike:
            other = self.draw(st.sampled_from(alike))
            self.add(Layer(self.name("sum"), "add", (other, self.last), self.shape, forward=prod(self.shape)))

    def flat(self) -> None:
        self.add(Layer(self.name("flat"), "flatten", (self.last,), (prod(self.shape),)))


def sliding(size: int, kernel: int, stride: int) -> int:
    """Return how many places a window has."""
    return (size - kernel) // stride + 1


@st.composite
def networks(draw: st.DrawFn) -> tuple[Shape, tuple[Layer, ...]]:
    """The shape of a sample, and layers."""
    kind = draw(st.sampled_from(["vectors", "images", "sequences", "sequences"]))
    if kind == "vectors":
        builder = Builder(draw, (draw(st.integers(3, 45)),))
        steps = [builder.linear, builder.element_wise, builder.sum]
    elif kind == "sequences":
        builder = Builder(draw, (draw(st.integers(1, 5)), draw(st.integers(2, 12))))
        steps = [builder.linear, builder.recurrent, builder.attention, builder.element_wise, builder.sum]
    else:
        builder = Builder(draw, tuple(draw(st.integers(low, high)) for low, high in ((1, 3), (3, 6), (3, 6))))
        steps = [builder.convolution, builder.element_wise, builder.pool, builder.batch_norm, builder.sum]
    for step in draw(st.lists(st.sampled_from(steps), min_size=draw(st.integers(0, 6)), max_size=9)):
        step()
        if kind == "sequences" and len(builder.shape) == 1:
            break
    if len(builder.shape) > 1:
        builder.flat()
    builder.linear()
    if draw(st.booleans()):
        builder.element_wise()
    return builder.shapes[INPUT], tuple(builder.layers)


@st.composite
def stages_of(draw: st.DrawFn, layers: tuple[Layer, ...]) -> tuple[tuple[str, ...], ...]:
    """Cut a network into stages that each hold a matrix."""
    stages: list[list[str]] = [[]]
    holds = False
    for index, layer in enumerate(layers):
        if holds and any(other.matrices for other in layers[index:]) and draw(st.integers(0, 2)):
            stages.append([])
            holds = False
        stages[-1].append(layer.name)
        holds = holds or bool(layer.matrices)
    return tuple(tuple(names) for names in stages)
