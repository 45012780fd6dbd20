"""Training algorithms: what the arrays of one tile do together."""

from archsim.analog.algorithms.factory import kind_of, make_training_array
from archsim.analog.algorithms.protocol import AlgorithmKind, MakeCrossbar, TileOutline, TrainingArray

__all__ = ["AlgorithmKind", "MakeCrossbar", "TileOutline", "TrainingArray", "kind_of", "make_training_array"]
