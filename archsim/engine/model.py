"""Builds the matrices of a network on their crossbars: device populations, initial weights, scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim import plugins
from archsim.analog.algorithms import MakeCrossbar, TrainingArray, make_training_array
from archsim.analog.crossbar import Crossbar
from archsim.analog.specification import Device, IOParameters, UpdateParameters
from archsim.analog.threads import Workers
from archsim.chip.specification import Chip
from archsim.digital.affine import Affine
from archsim.engine.seeds import Seeds
from archsim.mapping.plan import Part, Placement, Plan
from archsim.network.graph import Graph, Node
from archsim.network.matrix import AnalogMatrix, PartRange
from archsim.network.specification import WeightScaling

__all__ = ["build_matrices"]


def build_matrices(
    graph: Graph, chip: Chip, plan: Plan, algorithm: str, seeds: Seeds, workers: Workers
) -> dict[str, AnalogMatrix]:
    """Return the matrix of every layer that has one, with its initial weights written.

    Parameters
    ----------
    graph, chip, plan
        What is computed, on what, and where.
    algorithm : str
        Training algorithm of layers that name none.
    seeds : Seeds
        Seeds of devices, noise and initial weights.
    workers : Workers
        Threads that crossbars may use.
    """
    placements = {p.layer: p for stage in plan.stages for p in stage.placements}
    matrices = {}
    for index, node in enumerate(graph.matrices):
        matrix = _matrix(node, placements[node.name], chip, node.layer.algorithm or algorithm, seeds, workers)
        _initialise(matrix, node, np.random.default_rng([seeds.weights, index]))
        matrices[node.name] = matrix
    return matrices


def _matrix(
    node: Node, placement: Placement, chip: Chip, algorithm: str, seeds: Seeds, workers: Workers
) -> AnalogMatrix:
    settings = plugins.load("archsim.algorithms", algorithm, field="training.algorithm")()

    def crossbars(part: Part) -> MakeCrossbar:
        def make(
            index: int,
            device: Device | None = None,
            update: UpdateParameters | None = None,
            transfer_io: IOParameters | None = None,
            transfer_update: UpdateParameters | None = None,
        ) -> Crossbar:
            if index:
                raise ValueError("crossbar numbers for several arrays on a tile are not given out")
            return Crossbar(
                part.rows,
                part.columns,
                device or node.layer.device or chip.device,
                chip.io,
                chip.backward_io or chip.io,
                update or chip.update,
                dac_bits=chip.dac.bits,
                adc_bits=chip.adc.bits,
                identity=part.crossbar,
                device_seed=seeds.device,
                noise_seed=seeds.noise,
                transfer_io=transfer_io,
                transfer_update=transfer_update,
                workers=workers,
            )

        return make

    arrays: list[TrainingArray] = [
        make_training_array(
            settings,
            crossbars(part),
            part.columns,
            part.rows,
            mini_batch=1,
            seed=seeds.noise,
            identity=part.crossbar,
        )
        for part in placement.parts
    ]
    ranges = [PartRange(part.inputs, part.outputs) for part in placement.parts]
    inputs, outputs = node.matrix or (0, 0)
    scaling = node.layer.scaling or WeightScaling()
    bias = np.zeros(outputs, np.float32) if node.layer.bias is not False else None
    scaled = scaling.learn_out_scaling or scaling.weight_scaling_omega > 0
    scale = np.ones(outputs, np.float32) if scaled else None
    affine = Affine(scale, bias, learn_scale=scaling.learn_out_scaling)
    return AnalogMatrix((inputs, outputs), ranges, arrays, affine)


def _initialise(matrix: AnalogMatrix, node: Node, random: np.random.Generator) -> None:
    """Draw weights and biases from U(-r, r), r = 1/sqrt(inputs) unless given, and write them."""
    reach = node.layer.initial_range or 1 / np.sqrt(matrix.inputs)
    weights = random.uniform(-reach, reach, (matrix.outputs, matrix.inputs)).astype(np.float32)
    bias = random.uniform(-reach, reach, matrix.outputs).astype(np.float32)
    if node.layer.initial_value is not None:
        weights = np.full_like(weights, node.layer.initial_value)
        bias = np.zeros_like(bias)
    if matrix.affine.bias is not None:
        matrix.affine.bias = bias
    scaling = node.layer.scaling
    if scaling is not None and scaling.weight_scaling_omega > 0:
        scale = _mapping_scale(weights, scaling)
        weights = weights / scale[:, None]
        matrix.affine.scale = scale
    matrix.program(weights)


def _mapping_scale(weights: NDArray[np.float32], scaling: WeightScaling) -> NDArray[np.float32]:
    """Return the digital scale of each output, max|w| / omega of the matrix or of its own row."""
    largest = np.abs(weights).max(axis=1) if scaling.columnwise else np.full(len(weights), np.abs(weights).max())
    largest[largest == 0] = scaling.weight_scaling_omega
    return (largest / scaling.weight_scaling_omega).astype(np.float32)
