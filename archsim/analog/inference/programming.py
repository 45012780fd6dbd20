"""Writing conductances: in one draw of the device's programming error, or in a closed loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim._core import CORRECT, PROGRAM, VERIFY
from archsim.analog.inference.draws import Array, Draws
from archsim.analog.inference.noise import NoiseModel, program_once
from archsim.analog.specification.inference import ProgramAndVerify, Programming, PulseSteps, SetWithError

__all__ = ["ProgramReport", "program_and_verify", "program_conductances"]


@dataclass(frozen=True)
class ProgramReport:
    """What programming left and what it took; arrays have the shape [2, outputs, inputs].

    Attributes
    ----------
    error_us : float64
        Programmed less wanted conductance, in uS.
    pulses, reads : int64 or None
        Write pulses and verifying reads of each conductance; None where programming is one statistical draw, which
        does not tell them.
    converged : bool or None
        Whether the last verifying read lay within the tolerance.
    """

    error_us: Array
    pulses: NDArray[np.int64] | None = None
    reads: NDArray[np.int64] | None = None
    converged: NDArray[np.bool_] | None = None

    @property
    def rms_error_us(self) -> float:
        """Root of the mean squared error."""
        return float(np.sqrt(np.mean(self.error_us**2))) if self.error_us.size else 0.0

    @property
    def total_pulses(self) -> int | None:
        """Pulses on all conductances."""
        return None if self.pulses is None else int(self.pulses.sum())

    @property
    def total_reads(self) -> int | None:
        """Verifying reads of all conductances."""
        return None if self.reads is None else int(self.reads.sum())


def program_conductances(
    targets: Array, specification: Programming, noise: NoiseModel, g_max: float, draws: Draws, event: int
) -> tuple[Array, ProgramReport]:
    """Return programmed conductances of shape [2, outputs, inputs], in uS, and the report.

    Parameters
    ----------
    targets : float64 [2, outputs, inputs]
        Wanted conductances, in uS.
    specification : Programming
        How they are written.
    noise : NoiseModel
        Its programming error is what one statistical draw leaves.
    g_max : float
        Highest conductance, in uS.
    draws : Draws
        The array's random numbers.
    event : int
        Number of this programming in the life of the array.
    """
    if isinstance(specification, ProgramAndVerify):
        return program_and_verify(targets, specification, g_max, draws, event)
    programmed = program_once(noise, targets, draws.pairs(PROGRAM, event))
    return programmed, ProgramReport(programmed - targets)


def program_and_verify(
    targets: Array, specification: ProgramAndVerify, g_max: float, draws: Draws, event: int
) -> tuple[Array, ProgramReport]:
    """Write conductances in a closed loop, from the state of no conductance.

    Each iteration reads every conductance that has not yet converged, g + verify_std g_max xi, stops where this lies
    within the tolerance, and else corrects by the difference as ``specification.write`` says. The last iteration only
    reads. Parameters and results are those of `program_conductances`.
    """
    conductances = np.zeros_like(targets)
    pulses = np.zeros(targets.shape, np.int64)
    reads = np.zeros(targets.shape, np.int64)
    converged = np.zeros(targets.shape, np.bool_)
    for iteration in range(specification.max_iterations + 1):
        seen = conductances + specification.verify_std * g_max * draws.pairs(VERIFY, event, iteration)
        wanted = targets - seen
        reads += ~converged
        converged |= np.abs(wanted) <= specification.tolerance * g_max
        if converged.all() or iteration == specification.max_iterations:
            break
        xi = draws.cells(CORRECT, event, iteration)
        change, count = _correct(wanted, specification.write, g_max, xi)
        conductances = np.where(converged, conductances, np.maximum(conductances + change, 0.0))
        pulses += np.where(converged, 0, count)
    return conductances, ProgramReport(conductances - targets, pulses, reads, converged)


def _correct(
    wanted: Array, write: SetWithError | PulseSteps, g_max: float, xi: Array
) -> tuple[Array, NDArray[np.int64]]:
    """Return what corrections by the wanted amounts really change, and their pulses."""
    if isinstance(write, PulseSteps):
        step = write.step * g_max
        count = np.clip(np.rint(np.abs(wanted) / step), 1, write.max_pulses)
        change = np.sign(wanted) * step * (count + write.step_std * np.sqrt(count) * xi[:2])
        return change, count.astype(np.int64)
    change = wanted * (1.0 + write.relative_std * xi[:2]) + write.absolute_std * g_max * xi[2:]
    return change, np.ones(wanted.shape, np.int64)
