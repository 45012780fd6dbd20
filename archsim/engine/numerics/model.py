"""Builds what holds the weights of a network: matrices, and the parameters of digital operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from archsim.analog.algorithms import TrainingArray, kind_of
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.threads import Workers
from archsim.chip.specification import Chip
from archsim.digital.affine import Affine
from archsim.digital.arithmetic import Arithmetic
from archsim.digital.descent import DescentRule
from archsim.digital.input_range import InputRange, InputRangeRules
from archsim.engine.numerics.given_weights import GivenWeights, LayerFit, write_weights
from archsim.engine.numerics.initial import initialise
from archsim.engine.numerics.settings import NumericSettings
from archsim.engine.numerics.tile import Identities, tile_crossbars
from archsim.engine.setup import Setup
from archsim.mapping.plan import Part
from archsim.network.digital_matrix import DigitalMatrix
from archsim.network.graph import Graph, Matrix
from archsim.network.logic import DigitalLogic
from archsim.network.matrix import AnalogMatrix, PartRange
from archsim.network.operators import StatefulOperator
from archsim.network.parameters import DigitalParameters
from archsim.network.specification import WeightScaling
from archsim.network.stationary import StationaryMatrix

__all__ = ["build_matrices", "build_parameters"]


def build_matrices(
    graph: Graph,
    setup: Setup,
    settings: NumericSettings,
    arithmetic: Arithmetic,
    given: GivenWeights | None = None,
) -> list[tuple[dict[str, StationaryMatrix], dict[str, LayerFit]]]:
    """Return every matrix of a network, on its crossbars or in the digital unit, with initial weights or given ones.

    Once for each set of crossbars: with devices of their own, or with the same ones, where weights that are copied from
    set to set are to be exact.

    Parameters
    ----------
    graph, setup
        What is computed, on what chip, and where.
    settings : NumericSettings
        Training algorithm of layers that name none, size of a mini-batch, seeds, threads that crossbars may use.
    arithmetic : Arithmetic
        What adds parts and computes scales and biases.
    given : GivenWeights, optional
        Weights to write instead of random ones.

    Returns
    -------
    list of (matrices, fits)
        For each set of crossbars the matrices by name, and how well each holds the given weights; empty without them.
    """
    placements = {p.matrix: p for stage in setup.plan.stages for p in stage.placements}
    parts = sum(len(held) for placement in placements.values() for held in placement.sets)
    own, identities = setup.copy_noise is not None, Identities(parts)
    found = []
    for number in range(setup.schedule.weight_sets):
        tiles = _Tiles(setup.chip, settings, identities if own else Identities(parts), Workers(settings.threads))
        held = {name: placement.sets[number if own else 0] for name, placement in placements.items()}
        found.append(_matrices(graph, settings, arithmetic, tiles, held, given))
    return found


def _matrices(
    graph: Graph,
    settings: NumericSettings,
    arithmetic: Arithmetic,
    tiles: _Tiles,
    parts: Mapping[str, tuple[Part, ...]],
    given: GivenWeights | None,
) -> tuple[dict[str, StationaryMatrix], dict[str, LayerFit]]:
    """Return the matrices of one set of crossbars."""
    matrices: dict[str, StationaryMatrix] = {}
    fits: dict[str, LayerFit] = {}
    for index, matrix in enumerate(graph.matrices):
        rule = settings.learning.descent
        affine = _affine(matrix, arithmetic, rule)
        made: StationaryMatrix
        if matrix.digital:
            made = DigitalMatrix(matrix.size, affine, rule)
        else:
            made = tiles.matrix(matrix, parts[matrix.name], affine)
        if given is None:
            initialise(made, matrix.settings, np.random.default_rng([settings.seeds.weights, index]))
        else:
            fits[matrix.name] = write_weights(made, matrix, given.arrays)
        matrices[matrix.name] = made
    return matrices, fits


def build_parameters(
    graph: Graph, logic: DigitalLogic, settings: NumericSettings, given: GivenWeights | None = None
) -> dict[str, DigitalParameters]:
    """Return what digital units hold for operators, by layer, with initial or given values.

    Parameters
    ----------
    graph : Graph
        The network.
    logic : DigitalLogic
        Its operators, and the arithmetic that computes updates.
    settings : NumericSettings
        Seeds of initial values and noise, and how digital numbers descend.
    given : GivenWeights, optional
        Values to begin with instead of initial ones.
    """
    found = {}
    for index, node in enumerate(graph.nodes):
        if not isinstance(logic.operators[node.name], StatefulOperator):
            continue
        # Matrices draw from keys of two numbers; a third that is not zero keeps these apart from all of them.
        random = np.random.default_rng([settings.seeds.weights, index, 1])
        uniforms = Uniforms.of_layer(settings.seeds.noise, index)
        held = found[node.name] = DigitalParameters(node, logic.arithmetic, random, uniforms, settings.learning.descent)
        if given is not None:
            held.begin({p.name: given.arrays[f"{node.name}.{p.name}"] for p in node.parameters})
    return found


class _Tiles(NamedTuple):
    """What makes the crossbars of matrices on tiles."""

    chip: Chip
    settings: NumericSettings
    identities: Identities
    workers: Workers

    def matrix(self, matrix: Matrix, parts: tuple[Part, ...], affine: Affine) -> AnalogMatrix:
        """Return a matrix on the crossbars of its tiles."""
        own = matrix.settings
        device, trained = own.device or self.chip.device, own.algorithm or self.settings.algorithm
        arrays: list[TrainingArray] = []
        for part in parts:
            seeds, identities = self.settings.seeds, self.identities
            crossbars = tile_crossbars(part, self.chip, device, seeds, identities, self.workers)
            arrays.append(kind_of(trained)(trained, crossbars.site(self.settings.mini_batch * matrix.vectors)))
        ranges = [PartRange(part.inputs, part.outputs) for part in parts]
        accumulates = self.settings.learning.descent.accumulates
        reaches = _input_ranges(own.scaling, len(ranges), accumulates=accumulates)
        return AnalogMatrix(matrix.size, ranges, arrays, affine, reaches)


def _affine(matrix: Matrix, arithmetic: Arithmetic, rule: DescentRule) -> Affine:
    """Return the digital scales and biases of a matrix, as far as it has them."""
    scaling = matrix.settings.scaling or WeightScaling()
    bias = np.zeros(matrix.outputs, np.float32) if matrix.settings.bias else None
    scaled = scaling.learn_out_scaling or scaling.weight_scaling_omega > 0
    scale = np.ones(matrix.outputs, np.float32) if scaled else None
    return Affine(scale, bias, learn_scale=scaling.learn_out_scaling, arithmetic=arithmetic, rule=rule)


def _input_ranges(scaling: WeightScaling | None, parts: int, *, accumulates: bool) -> list[InputRange]:
    """Return a learned range for each part, or none."""
    if scaling is None or scaling.input_range is None:
        return []
    p = scaling.input_range
    rules = InputRangeRules(
        p.init_value, p.init_from_data, p.init_std_alpha, p.learn_input_range, p.decay, p.input_min_percentage
    )
    return [InputRange(rules, accumulates=accumulates) for _ in range(parts)]
