"""The core once more in plain NumPy: slow, readable, with the same random numbers and the same bits."""

from archsim.analog.reference.digital import follow_maxima, let_go
from archsim.analog.reference.philox import Series, normals, philox, polar, uniform, words
from archsim.analog.reference.read import product, read
from archsim.analog.reference.response import Law
from archsim.analog.reference.step import Walk, exact_update
from archsim.analog.reference.trains import BlockTrains, pulse_trains, train_length

__all__ = [
    "BlockTrains",
    "Law",
    "Series",
    "Walk",
    "exact_update",
    "follow_maxima",
    "let_go",
    "normals",
    "philox",
    "polar",
    "product",
    "pulse_trains",
    "read",
    "train_length",
    "uniform",
    "words",
]
