"""Random small networks: chains of linear layers, convolutions of images, sums with what was there before."""

from __future__ import annotations

from math import prod

from hypothesis import strategies as st

from .cases import ELEMENT_WISE, INPUT, Layer, Matrix

__all__ = ["networks", "stages_of"]

Shape = tuple[int, ...]


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
        features = self.shape[0] if self.draw(st.booleans()) else self.draw(st.integers(3, 45))
        settings = {"features": features} | self.frozen()
        self.add(
            Layer(self.name("fc"), "linear", (self.last,), (features,), settings, (Matrix(self.shape[0], features),))
        )

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
    if draw(st.booleans()):
        builder = Builder(draw, (draw(st.integers(3, 45)),))
        steps = [builder.linear, builder.element_wise, builder.sum]
    else:
        builder = Builder(draw, tuple(draw(st.integers(low, high)) for low, high in ((1, 3), (3, 6), (3, 6))))
        steps = [builder.convolution, builder.element_wise, builder.pool, builder.sum]
    for step in draw(st.lists(st.sampled_from(steps), min_size=draw(st.integers(0, 6)), max_size=9)):
        step()
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
