"""The way through the house: from an experiment to what is ready to run, and on to a finished run."""

from archsim.simulation.calls import prepare_whole, simulate
from archsim.simulation.estimate import TimeEstimate, estimate_time
from archsim.simulation.exactness import updates_seen
from archsim.simulation.execution import Interrupted
from archsim.simulation.identity import identity
from archsim.simulation.layout import experiment_of
from archsim.simulation.prepared import Prepared, prepare

__all__ = [
    "Interrupted",
    "Prepared",
    "TimeEstimate",
    "estimate_time",
    "experiment_of",
    "identity",
    "prepare",
    "prepare_whole",
    "simulate",
    "updates_seen",
]
