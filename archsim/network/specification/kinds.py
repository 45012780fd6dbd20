"""The kinds of layers, each with settings of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.network.specification.digital import (
    ConcatLayer,
    DropoutLayer,
    GELULayer,
    LeakyReLULayer,
    SliceLayer,
    TransposeLayer,
)
from archsim.network.specification.layers import Layer, MatrixLayer
from archsim.network.specification.normalisation import (
    BatchNormLayer,
    GroupNormLayer,
    LayerNormLayer,
    LocalResponseNormLayer,
    RMSNormLayer,
)
from archsim.network.specification.sequences import AttentionLayer, EmbeddingLayer, PositionEmbeddingLayer
from archsim.specification import OpenUnion, contradiction

__all__ = [
    "AnyLayer",
    "AveragePoolLayer",
    "Conv1dLayer",
    "Conv2dLayer",
    "GRULayer",
    "LSTMLayer",
    "LinearLayer",
    "MaxPoolLayer",
    "PlainLayer",
    "RecurrentLayer",
    "ReshapeLayer",
]

Positive = Annotated[int, Field(ge=1)]
Border = Annotated[int, Field(ge=0)]


class LinearLayer(MatrixLayer):
    """y = scale * (W x) + bias: a matrix that meets one vector a sample, or each of a sequence (length, features)."""

    kind: Literal["linear"] = "linear"
    features: Positive


class Conv2dLayer(MatrixLayer):
    """A convolution of images (channels, height, width): a matrix that meets the patch of every output position.

    What is given as one number holds for height and width alike. With ``groups`` the input channels, and the output
    channels, divide into as many parts, each with a matrix of its own: ``NAME.0``, ``NAME.1``, ... The output has
    floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 rows and columns.
    """

    kind: Literal["conv2d"] = "conv2d"
    channels: Positive
    kernel: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] = 1
    padding: Border | tuple[Border, Border] = 0
    dilation: Positive | tuple[Positive, Positive] = 1
    groups: Positive = 1


class Conv1dLayer(MatrixLayer):
    """A convolution of sequences (channels, length): a matrix that meets the patch of every output position.

    The output has floor((length + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 positions. With as many
    ``groups`` as channels it is depth-wise: every channel has a matrix of its own, as with ``conv2d``.
    """

    kind: Literal["conv1d"] = "conv1d"
    channels: Positive
    kernel: Positive
    stride: Positive = 1
    padding: Border = 0
    dilation: Positive = 1
    groups: Positive = 1


class MaxPoolLayer(Layer):
    """The largest number in a window that slides over every channel of an image, or of a sequence (channels, length).

    Padding is never the largest. The output has floor((size + 2 padding - kernel) / stride) + 1 rows and columns, or
    positions of a sequence, for which every key is one number.
    """

    kind: Literal["max-pool"] = "max-pool"
    kernel: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] | None = None
    padding: Border | tuple[Border, Border] = 0


class AveragePoolLayer(Layer):
    """The mean over a window that slides over every channel of an image, or of a sequence (channels, length).

    The output has floor((size + 2 padding - kernel) / stride) + 1 rows and columns, or positions of a sequence, for
    which every key is one number.
    """

    kind: Literal["average-pool"] = "average-pool"
    kernel: Positive | tuple[Positive, Positive]
    stride: Positive | tuple[Positive, Positive] | None = None
    padding: Border | tuple[Border, Border] = 0
    count_include_pad: bool = True


class ReshapeLayer(Layer):
    """Another shape for the same numbers; free of cost."""

    kind: Literal["reshape"] = "reshape"
    shape: tuple[Positive, ...] | None = None


class RecurrentLayer(MatrixLayer):
    """A layer of gates over a sequence (length, features): its matrices are read once for each position.

    With ``bidirectional`` a second cell goes from the last position to the first, and the outputs of both stand side by
    side. ``output`` is that of all positions, or of the last step of each direction only.

    With ``stateful`` a sample begins with the state in which the one before it in its stream ended, as a value:
    gradients go no further back than the sample. ``data.order`` must be ``streams``; the first samples of an epoch
    begin with zeros.
    """

    features: Positive
    bidirectional: bool = False
    stateful: bool = False
    output: Literal["sequence", "last"] = "sequence"

    @model_validator(mode="after")
    def _carries_one_way(self) -> RecurrentLayer:
        if self.stateful and self.bidirectional:
            raise contradiction(
                "with stateful, the cell from the last position to the first would begin with what comes after its "
                "sample, which is not there yet",
                remedy="set stateful or bidirectional to false",
            )
        return self


class LSTMLayer(RecurrentLayer):
    """A long short-term memory over a sequence (length, features), with one matrix for [x, h].

    c' = f c + i g and h' = o tanh(c'), where i, f, o are sigmoids, g is a tanh of the outputs of the matrix, in this
    order.
    """

    kind: Literal["lstm"] = "lstm"


class GRULayer(RecurrentLayer):
    """A gated recurrent unit over a sequence (length, features), with matrices ``NAME.0`` for x and ``NAME.1`` for h.

    h' = n + z (h - n) and n = tanh(n_x + r n_h), where r, z are sigmoids of the sums of what both matrices give for
    them; outputs are in the order r, z, n.
    """

    kind: Literal["gru"] = "gru"


class PlainLayer(Layer):
    """An operator without settings.

    Activations act element by element, ``softmax`` on the last axis. ``add`` and ``multiply`` take two inputs of as
    many axes, of equal sizes or of size 1 where an input is the same along the axis, over which its gradient is then
    summed. ``flatten`` makes a vector of each sample, ``global-average-pool`` and ``global-max-pool`` one of channels.
    Behind a colon stands what an element costs the digital unit, in multiply-adds and in look-ups of a function or
    choices by comparison; where nothing is said, it is one look-up or choice, and one multiply-add at the gradient.
    """

    kind: Literal[
        "add",
        "flatten",
        "global-average-pool",
        "global-max-pool",
        "hard-swish",
        "identity",
        "multiply",
        "positional-encoding",
        "relu",
        "relu6",
        "sigmoid",
        "silu",
        "softmax",
        "tanh",
    ]


#: A layer of one of the kinds, those of other packages included.
AnyLayer = Annotated[
    LinearLayer
    | Conv1dLayer
    | Conv2dLayer
    | LSTMLayer
    | GRULayer
    | MaxPoolLayer
    | AveragePoolLayer
    | EmbeddingLayer
    | PositionEmbeddingLayer
    | AttentionLayer
    | BatchNormLayer
    | LayerNormLayer
    | GroupNormLayer
    | RMSNormLayer
    | LocalResponseNormLayer
    | GELULayer
    | LeakyReLULayer
    | DropoutLayer
    | ReshapeLayer
    | TransposeLayer
    | ConcatLayer
    | SliceLayer
    | PlainLayer,
    Field(discriminator="kind"),
    OpenUnion("archsim.operators"),
]
