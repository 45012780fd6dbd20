"""The way through the house: from an experiment to what is ready to run, and on to a finished run."""

from archsim.simulation.calls import schedule_of, simulate
from archsim.simulation.execution import Interrupted
from archsim.simulation.identity import identity
from archsim.simulation.prepared import Prepared, prepare

__all__ = ["Interrupted", "Prepared", "identity", "prepare", "schedule_of", "simulate"]
