"""What every layer says, and what is said of stationary matrices on crossbars."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification import Algorithm, Device
from archsim.specification import Specification, contradiction

__all__ = ["InputRangeParameters", "Layer", "MatrixLayer", "ParametricLayer", "WeightScaling"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$")]


class InputRangeParameters(Specification):
    """The range of a crossbar's inputs, which its DAC maps to its bound (aihwkit ``InputRangeParameter``).

    The mean of ``init_std_alpha`` standard deviations of the first ``init_from_data`` blocks; then learned with the
    weights, unless ``learn_input_range`` is false: inputs beyond it that the loss wants larger widen it, and it shrinks
    by ``decay`` in parts of itself, times the learning rate, while more than ``input_min_percentage`` of the inputs lie
    inside.
    """

    init_value: Annotated[float, Field(gt=0)] = 3.0
    init_from_data: Annotated[int, Field(ge=0)] = 100
    init_std_alpha: Annotated[float, Field(gt=0)] = 3.0
    learn_input_range: bool = True
    decay: Annotated[float, Field(ge=0)] = 1e-3
    input_min_percentage: Annotated[float, Field(ge=0, le=1)] = 0.95


class WeightScaling(Specification):
    """Digital scales behind the crossbar's outputs (aihwkit ``MappingParameter``).

    ``weight_scaling_omega`` > 0 divides the weights so that their largest magnitude (of the whole
    matrix, or of each output with ``columnwise``) is omega, and multiplies the outputs accordingly;
    0 leaves them alone. ``learn_out_scaling`` trains one scale per output in the digital unit. With ``input_range``
    each crossbar has a range of its inputs, which needs ``chip.io.noise_management`` to be ``none``.
    """

    weight_scaling_omega: Annotated[float, Field(ge=0)] = 0.0
    columnwise: bool = True
    learn_out_scaling: bool = False
    input_range: InputRangeParameters | None = None


class Layer(Specification):
    """One operator of the graph.

    ``inputs`` names the operators (or ``input``) whose outputs it takes; without it, the operator
    before it in the list. A kind of layers with settings adds fields to this.
    """

    name: Name
    kind: str
    inputs: tuple[str, ...] | None = None


class ParametricLayer(Layer):
    """A layer with trained parameters that the digital unit holds."""

    trainable: bool = True
    learning_rate_factor: Annotated[float, Field(ge=0)] = 1.0


class MatrixLayer(Layer):
    """A layer with stationary matrices, on crossbars or in the digital unit.

    Weights and biases start from U(-r, r) with r = ``initial_range`` (default 1/sqrt(inputs of the matrix)), or all
    weights from ``initial_value`` and biases from 0. With ``placement: digital`` the digital unit of its stage holds
    the matrices, computes their products and trains them as it does biases; there is no device then.
    """

    placement: Literal["analog", "digital"] = "analog"
    bias: bool = True
    trainable: bool = True
    device: Device | None = None
    algorithm: Algorithm | None = None
    scaling: WeightScaling | None = None
    initial_range: Annotated[float, Field(gt=0)] | None = None
    initial_value: float | None = None
    learning_rate_factor: Annotated[float, Field(ge=0)] = 1.0

    @model_validator(mode="after")
    def _starts_in_one_way(self) -> MatrixLayer:
        if self.initial_value is not None and self.initial_range is not None:
            raise ValueError("with initial_value all weights start equal, so initial_range must be left out (null)")
        return self

    @model_validator(mode="after")
    def _has_a_device_on_crossbars_only(self) -> MatrixLayer:
        if self.placement == "digital":
            for name in ("device", "algorithm", "scaling"):
                if getattr(self, name) is not None:
                    raise contradiction(
                        f"a matrix in the digital unit has no {name}, which belongs to crossbars",
                        remedy=f"leave {name} out, or set placement to 'analog'",
                    )
        return self
