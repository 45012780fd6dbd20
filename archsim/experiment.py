"""The one document that a user writes, validated: what to compute, on what, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsim import plugins
from archsim.analog.specification.inference import InferenceParameters
from archsim.analog.specification.momentum import WithMomentum
from archsim.chip.specification import Chip
from archsim.data.specification import DataSpecification
from archsim.network.specification import MatrixLayer, NetworkSpecification, RecurrentLayer
from archsim.notebook import facts_html, facts_text
from archsim.schedule.specification import AnySchedule, ScheduleSpecification
from archsim.specification import Specification, contradiction, values_of
from archsim.training import TrainingSpecification

__all__ = ["Experiment", "RunSpecification"]

Count = Annotated[int, Field(ge=1)]


class RunSpecification(Specification):
    """How the simulation itself is done.

    ``seed`` feeds ``device_seed``, ``noise_seed`` and ``data_seed`` where they are not given.
    ``evaluate_every`` is in mini-batches (default: once an epoch). ``timeline`` false keeps the totals only.
    ``checkpoint_every`` writes a checkpoint after every so many mini-batches, where the run has a folder.
    ``discrepancy_every`` compares the weights that a backward meets with those that its forward met.
    ``target_accuracy`` asks what it takes to a test accuracy; the run goes on behind it.
    ``program`` true writes the initial weights before training begins, which takes time and energy; false
    begins with them in place.
    """

    mode: Literal["timing", "numerics", "coupled"] = "coupled"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    device_seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    noise_seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    data_seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    evaluate_every: Count | None = None
    checkpoint_every: Count | None = None
    discrepancy_every: Count | None = None
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    timeline: bool = True
    program: bool = False


class Experiment(Specification):
    """An experiment: network, chip, data, training, schedule and run, and if wanted what follows on inference.

    A schedule without updates needs no ``training``: every sample is a micro-batch then. Where it is there,
    ``mini_batch``, ``max_mini_batches`` and ``algorithm`` hold as in training, and nothing else of it is used.
    """

    name: str = "experiment"
    description: str = ""
    network: NetworkSpecification
    chip: Chip
    data: DataSpecification = Field(default_factory=DataSpecification)
    training: TrainingSpecification | None = None
    schedule: AnySchedule = Field(default_factory=ScheduleSpecification)
    run: RunSpecification = Field(default_factory=RunSpecification)
    inference: InferenceParameters | None = None

    @property
    def effective_training(self) -> TrainingSpecification:
        """The section ``training``; without one, every sample is a micro-batch of its own."""
        if self.training is not None:
            return self.training
        return TrainingSpecification(learning_rate=1.0, mini_batch=self.schedule.micro_batches)

    @property
    def _trains(self) -> bool | None:
        """Whether the schedule trains, as far as it is known by name; None if only a file says it."""
        kind = self.schedule.kind
        if kind not in plugins.names("archsim.schedules"):
            return True
        registered = plugins.load("archsim.schedules", kind)
        return None if getattr(registered, "resolve", None) else bool(getattr(registered, "trains", True))

    def __repr__(self) -> str:
        return facts_text("Experiment", self.name, self._facts())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return facts_html("Experiment", self.name, {"description": self.description, **self._facts()})

    def _facts(self) -> dict[str, str]:
        """Return the few facts by which an experiment is known."""
        return {
            "network": self.network.name,
            "chip": self.chip.name,
            "data": self.data.name,
            "algorithm": "none" if self.training is None else self.training.algorithm.kind,
            "schedule": self.schedule.kind,
            "mode": self.run.mode,
        }

    @model_validator(mode="after")
    def _biases_are_digital(self) -> Experiment:
        for path, value in values_of(self):
            if path.endswith(".perfect_bias") and value:
                raise PydanticCustomError(
                    "digital_bias",
                    "biases are digital, and every input line is an ordinary one: a line with perfect cells would be "
                    "another one for every size of a tile; leave perfect_bias out",
                    {"field": path, "allowed": "false"},
                )
        return self

    @model_validator(mode="after")
    def _dac_ranges_stand_alone(self) -> Experiment:
        wanted = {
            f"network.layers.{index}.scaling.input_range"
            for index, layer in enumerate(self.network.layers)
            if isinstance(layer, MatrixLayer) and layer.scaling is not None and layer.scaling.input_range is not None
        }
        if self.inference is not None and self.inference.post_training.dac_ranges:
            wanted.add("inference.post_training.dac_ranges")
        if wanted and self.chip.io.noise_management != "none":
            raise PydanticCustomError(
                "two_scales",
                "an input range has no effect while noise management scales every vector by itself: "
                "set chip.io.noise_management to none",
                {"field": min(wanted), "allowed": "with chip.io.noise_management: none"},
            )
        if wanted and self.chip.io.inp_bound != 1.0:
            raise PydanticCustomError(
                "two_bounds",
                "an input range says which input reaches the bound of the DAC, which must be 1 then: "
                "set chip.io.inp_bound to 1",
                {"field": min(wanted), "allowed": "with chip.io.inp_bound: 1"},
            )
        return self

    @model_validator(mode="after")
    def _inference_needs_numbers(self) -> Experiment:
        if self.inference is not None and self.run.mode == "timing":
            raise PydanticCustomError(
                "no_numbers",
                "a timing run computes no weights, so there is nothing to program and to evaluate",
                {"field": "inference", "allowed": "null, or run.mode: numerics or coupled"},
            )
        return self

    @model_validator(mode="after")
    def _a_target_needs_numbers(self) -> Experiment:
        if self.training is not None and self.training.stop_at is not None and self.run.mode == "timing":
            raise PydanticCustomError(
                "no_numbers",
                "a timing run computes no accuracy and no perplexity, so it cannot stop at one",
                {"field": "training.stop_at", "allowed": "null, or run.mode: numerics or coupled"},
            )
        if self.run.target_accuracy is not None and self.run.mode == "timing":
            raise PydanticCustomError(
                "no_numbers",
                "a timing run computes no accuracy",
                {"field": "run.target_accuracy", "allowed": "null, or run.mode: numerics or coupled"},
            )
        return self

    @model_validator(mode="after")
    def _there_is_one_target(self) -> Experiment:
        stops = self.training is not None and self.training.stop_at is not None
        if stops and self.run.target_accuracy is not None:
            raise PydanticCustomError(
                "two_targets",
                "training.stop_at is a target already, and the run ends there: leave one of them out",
                {"field": "run.target_accuracy", "allowed": "null; or any without training.stop_at"},
            )
        return self

    @model_validator(mode="after")
    def _there_is_momentum_to_correct(self) -> Experiment:
        training = self.training
        compensation = None if training is None else training.delay_compensation
        if training is None or compensation is None or not compensation.momentum_correction:
            return self
        layers = [layer.algorithm for layer in self.network.layers if isinstance(layer, MatrixLayer)]
        algorithms = [each for each in (training.algorithm, *layers) if isinstance(each, WithMomentum)]
        if not training.digital_optimizer.momentum and not any(each.momentum for each in algorithms):
            raise contradiction(
                "nothing is trained with momentum in digital, so there is none that could fall with a delay",
                field="training.delay_compensation.momentum_correction",
                allowed="false; true with a momentum in training.digital_optimizer, or in an algorithm that adds "
                "gradients up in digital, such as mixed-precision or digital-sgd",
                remedy="set training.digital_optimizer.momentum or training.algorithm.momentum, or leave it out",
            )
        return self

    @model_validator(mode="after")
    def _weights_are_there_to_compare(self) -> Experiment:
        if self.run.discrepancy_every is None:
            return self
        if self.run.mode == "timing":
            raise PydanticCustomError(
                "no_numbers",
                "a timing run computes no weights that could be compared",
                {"field": "run.discrepancy_every", "allowed": "null, or run.mode: numerics or coupled"},
            )
        if not self._trains:
            raise PydanticCustomError(
                "no_backward",
                "weights of backwards are compared with those of forwards, and a schedule of the kind '{kind}' has no "
                "backward",
                {"field": "run.discrepancy_every", "allowed": "null", "kind": self.schedule.kind},
            )
        return self

    @model_validator(mode="after")
    def _carried_states_have_streams(self) -> Experiment:
        for index, layer in enumerate(self.network.layers):
            if isinstance(layer, RecurrentLayer) and layer.stateful and self.data.order != "streams":
                raise PydanticCustomError(
                    "no_streams",
                    "a sample cannot begin with the state in which the one before it ended while samples are shuffled: "
                    "set data.order to streams",
                    {"field": f"network.layers.{index}.stateful", "allowed": "false; true with data.order: streams"},
                )
        return self

    @model_validator(mode="after")
    def _training_needs_settings(self) -> Experiment:
        if self.training is None and self.schedule.kind in plugins.names("archsim.schedules") and self._trains:
            raise PydanticCustomError(
                "nothing_to_train_by",
                "'training' is missing, and a schedule of the kind '{kind}' trains",
                {
                    "field": "training",
                    "allowed": "a section with at least learning_rate",
                    "kind": self.schedule.kind,
                },
            )
        return self

    @model_validator(mode="after")
    def _training_samples_are_augmented(self) -> Experiment:
        if self.data.augmentation is not None and self._trains is False:
            raise PydanticCustomError(
                "nothing_to_augment",
                "training samples alone are augmented, and a schedule of the kind '{kind}' trains nothing",
                {"field": "data.augmentation", "allowed": "null", "kind": self.schedule.kind},
            )
        return self

    @model_validator(mode="after")
    def _there_is_something_to_do(self) -> Experiment:
        if (
            self.training is not None
            and self.training.epochs == 0
            and (self.network.weights is None or self.run.mode == "timing")
        ):
            raise PydanticCustomError(
                "nothing_to_do",
                "without an epoch there is nothing to do but to evaluate given weights",
                {"field": "training.epochs", "allowed": "1 or more; 0 with network.weights, in a run with numbers"},
            )
        return self

    @model_validator(mode="after")
    def _micro_batches_divide(self) -> Experiment:
        if self.training is None:
            return self
        size, parts = self.training.mini_batch, self.schedule.micro_batches
        if size % parts:
            allowed = "1" if size == 1 else f"a divisor of {size}"
            raise PydanticCustomError(
                "indivisible",
                "{parts} micro-batches do not divide training.mini_batch = {size}: "
                "every micro-batch must hold the same number of samples",
                {
                    "field": "schedule.micro_batches",
                    "allowed": allowed,
                    "parts": parts,
                    "size": size,
                },
            )
        return self
