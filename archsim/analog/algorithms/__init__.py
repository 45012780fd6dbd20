"""Training algorithms: what the arrays of one tile do together."""

from archsim.analog.algorithms.analog_sgd import AnalogSGD
from archsim.analog.algorithms.protocol import TrainingArray

__all__ = ["AnalogSGD", "TrainingArray"]
