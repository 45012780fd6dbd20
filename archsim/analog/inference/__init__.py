"""Inference on programmed conductances, and the training that prepares for it."""

from archsim.analog.inference.evaluate import InferencePoint, evaluate_over_time
from archsim.analog.inference.hardware_aware import HardwareAware
from archsim.analog.inference.inference_array import InferenceArray, InferenceSnapshot, Reader
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.noise import NoiseModel, make_noise
from archsim.analog.inference.optimise import (
    Calibration,
    RangeChoice,
    optimise_conductance_ranges,
    optimise_input_range,
)
from archsim.analog.inference.programming import ProgramReport, program_and_verify

__all__ = [
    "Calibration",
    "HardwareAware",
    "InferenceArray",
    "InferencePoint",
    "InferenceSnapshot",
    "NoiseModel",
    "PairMapping",
    "ProgramReport",
    "RangeChoice",
    "Reader",
    "evaluate_over_time",
    "make_noise",
    "optimise_conductance_ranges",
    "optimise_input_range",
    "program_and_verify",
]
