"""Inference on programmed conductances, and the training that prepares for it."""

from archsim.analog.inference.array import InferenceArray, InferenceSnapshot
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.noise import NoiseModel, make_noise
from archsim.analog.inference.programming import ProgramReport, program_and_verify

__all__ = [
    "InferenceArray",
    "InferenceSnapshot",
    "NoiseModel",
    "PairMapping",
    "ProgramReport",
    "make_noise",
    "program_and_verify",
]
