"""Which networks are trained, how, and what each has to pass."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from baselines import logistic_regression
from ngrams import ngrams

import archsim
from archsim import DataSet

__all__ = ["ACCURACY", "NETWORKS", "PERPLEXITY", "Bar", "Case", "Measure", "Network", "load_data"]

#: Runs of one data set share it.
load_data = cache(archsim.load_data)

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"


@dataclass(frozen=True)
class Measure:
    """What is compared with a baseline.

    Attributes
    ----------
    name : str
        What the page calls it.
    of : callable
        Gives it from a row of a run's learning curve.
    best : callable
        Takes the better of several numbers: `max` or `min`.
    """

    name: str
    of: Callable[[Mapping[str, Any]], float]
    best: Callable[..., float]

    def passes(self, value: float, baseline: float) -> bool:
        """Return whether a value is better than the baseline."""
        return value != baseline and self.best(value, baseline) == value


ACCURACY = Measure("test accuracy [%]", lambda row: 100 * row["test_accuracy"], max)
PERPLEXITY = Measure("test perplexity", lambda row: row["test_perplexity"], min)


@dataclass(frozen=True)
class Bar:
    """What a network has to pass: the best test value of a model's rows, or a number that was said in advance."""

    name: str
    value: float | None = None


@dataclass(frozen=True)
class Network:
    """A workload, what its runs have in common, and its baseline.

    Attributes
    ----------
    workload : str
        Name of the file in ``workloads``.
    measure : Measure
        What is compared.
    baseline : callable
        Gives rows with ``model``, ``setting``, ``train``, ``test`` and ``accuracy`` from the data set.
    schedules : mapping of str to sequence of str
        The runs: a kind of schedule, and overrides of the workload beyond that kind.
    settings : sequence of str
        Overrides for all runs.
    tiny : sequence of str
        Overrides with which the script is tried out.
    bar : Bar
        What the runs have to pass.
    variant : str
        What tells several ways to train a workload apart.
    """

    workload: str
    measure: Measure
    baseline: Callable[[DataSet], list[dict[str, object]]]
    schedules: Mapping[str, Sequence[str]]
    settings: Sequence[str] = ()
    tiny: Sequence[str] = field(default=("training.max_mini_batches=2", "data.samples=64", "data.test_samples=20"))
    bar: Bar = Bar("logistic regression")
    variant: str = ""

    @property
    def name(self) -> str:
        """What its rows are known by."""
        return f"{self.workload}, {self.variant}" if self.variant else self.workload

    @property
    def path(self) -> Path:
        """The file of the workload."""
        return WORKLOADS / f"{self.workload}.yaml"


@dataclass(frozen=True)
class Case:
    """One run: a network under a schedule."""

    network: Network
    schedule: str

    @property
    def key(self) -> dict[str, object]:
        """What the run is known by."""
        return {"network": self.network.name, "schedule": self.schedule}

    @property
    def overrides(self) -> list[str]:
        """What makes the workload this run."""
        schedule = [f"schedule.kind={self.schedule}", *self.network.schedules[self.schedule]]
        return [*self.network.settings, *schedule, "run.timeline=false"]

    @property
    def command(self) -> str:
        """The command line that runs it by itself."""
        return shlex.join(
            ["archsim", "run", self.network.workload, *(part for o in self.overrides for part in ("--set", o))]
        )


BOTH: Mapping[str, Sequence[str]] = {"synchronous": (), "asynchronous": ()}
#: All that is not held out, in whole mini-batches; tested on all that is.
TEXT = ("data.samples=31360", "data.test_samples=null", "run.evaluate_every=490")
#: Windows that begin with the state in which those before them ended.
CARRIED = ("data.order=streams", "network.layers.0.stateful=true")
#: Gradients that add up in digital, with momentum, before they are written.
MIXED = ("training.algorithm=mixed-precision", "training.algorithm.momentum=0.9")

#: All 60,000 images; tested on the official 10,000.
LENET = ("training.mini_batch=8", "schedule.micro_batches=2", "run.evaluate_every=3750")
EXACT = ("chip.device=ideal", "chip.io.is_perfect=true", "training.algorithm=digital-sgd")
#: Soft bounds at -tau and tau for tau = 0.8, cells differing as in aihwkit's defaults (arXiv:2406.12774).
TIKI_TAKA = (
    "chip.device=soft-bounds-reference",
    "chip.device.w_max=0.8",
    "chip.device.w_min=-0.8",
    "training.algorithm=tiki-taka",
)


def cosine(epochs: int, warm_up: int = 0) -> tuple[str, ...]:
    """Return the overrides of so many epochs in which the learning rate falls along a cosine to a fiftieth."""
    rate = f"{{kind: cosine, epochs: {epochs}, warm_up: {warm_up}, final_factor: 0.02}}"
    return (f"training.epochs={epochs}", f"training.learning_rate_schedule={rate}")


NETWORKS = {
    network.name: network
    for network in (
        Network("resnet9_cifar10", ACCURACY, logistic_regression, BOTH, ("run.evaluate_every=125",)),
        Network("kws_digits", ACCURACY, logistic_regression, BOTH, ("run.evaluate_every=84",)),
        Network("vit_cifar10", ACCURACY, logistic_regression, BOTH, ("run.evaluate_every=250",)),
        Network(
            "lstm_text",
            PERPLEXITY,
            ngrams,
            BOTH,
            (*TEXT, *cosine(3), "training.learning_rate=10"),
            bar=Bar("trigram"),
        ),
        Network(
            "lstm_text",
            PERPLEXITY,
            ngrams,
            BOTH,
            (*TEXT, *cosine(3), "training.learning_rate=10", *CARRIED),
            bar=Bar("trigram"),
            variant="stateful",
        ),
        Network(
            "transformer_text",
            PERPLEXITY,
            ngrams,
            BOTH,
            (*TEXT, *cosine(3, 100), *MIXED, "training.learning_rate=0.5"),
            bar=Bar("bigram"),
        ),
        Network(
            "lenet5_mnist",
            ACCURACY,
            partial(logistic_regression, penalties=(0.01, 0.003, 0.001)),
            {"synchronous": ()},
            (*LENET, *cosine(5), *EXACT, "training.learning_rate=0.2"),
            bar=Bar("said in advance", 98.0),
            variant="digital",
        ),
        Network(
            "lenet5_mnist",
            ACCURACY,
            partial(logistic_regression, penalties=(0.01, 0.003, 0.001)),
            {"synchronous": ()},
            (*LENET, *cosine(5), *TIKI_TAKA, "training.learning_rate=1"),
            bar=Bar("said in advance", 96.0),
            variant="Tiki-Taka",
        ),
    )
}
