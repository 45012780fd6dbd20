"""The way through the house: from an experiment to a finished run."""

from archsim.simulation.calls import simulate
from archsim.simulation.way import Interrupted, identity, schedule_of

__all__ = ["Interrupted", "identity", "schedule_of", "simulate"]
