"""Programming in one draw and in a closed loop. Seeds are fixed; statistical checks state their false-alarm rate."""

import numpy as np
import pytest
from scipy import stats

from archsim.analog.inference import make_noise, program_and_verify
from archsim.analog.inference.draws import Draws
from archsim.analog.inference.programming import program_conductances
from archsim.analog.specification.inference import PCMLike, ProgramAndVerify, PulseSteps, SetWithError, Statistical

DRAWS = Draws(60, 80, seed=4, identity=1)
TARGETS = np.random.default_rng(2).uniform(5.0, 25.0, (2, 60, 80))


def loop(targets=TARGETS, **changes):
    return program_and_verify(targets, ProgramAndVerify(**changes), 25.0, DRAWS, 0)


def test_one_draw_leaves_the_error_of_the_device():
    # Kolmogorov-Smirnov of 9,600 errors in units of their deviation: 1e-4
    noise = make_noise(PCMLike())
    programmed, report = program_conductances(TARGETS, Statistical(), noise, 25.0, DRAWS, 0)
    assert stats.kstest(((programmed - TARGETS) / noise.programming_std(TARGETS)).ravel(), "norm").pvalue > 1e-4
    assert report.error_us == pytest.approx(programmed - TARGETS)
    assert (report.pulses, report.reads, report.converged) == (None, None, None)
    assert (report.total_pulses, report.total_reads) == (None, None)


@pytest.mark.parametrize("write", [SetWithError(), PulseSteps()], ids=["set", "pulses"])
def test_the_loop_reaches_its_tolerance(write):
    programmed, report = loop(write=write, max_iterations=255, verify_std=0.0)
    assert report.converged.all()
    assert np.abs(programmed - TARGETS).max() <= 0.02 * 25.0
    assert abs(report.error_us.mean()) <= report.rms_error_us <= 0.02 * 25.0
    assert (report.reads >= 2).all(), "a read that finds an error, and one that finds none"


def test_exact_writes_need_one_pulse_and_two_reads():
    programmed, report = loop(verify_std=0.0, write=SetWithError(relative_std=0.0, absolute_std=0.0))
    assert programmed == pytest.approx(TARGETS)
    assert (report.pulses == 1).all()
    assert (report.reads == 2).all()
    assert (report.total_pulses, report.total_reads) == (TARGETS.size, 2 * TARGETS.size)


def test_exact_steps_need_as_many_pulses_as_the_distance_has():
    write = PulseSteps(step=0.04, step_std=0.0, max_pulses=4)
    programmed, report = loop(verify_std=0.0, tolerance=0.021, max_iterations=20, write=write)
    assert report.converged.all()
    assert programmed == pytest.approx(report.pulses * 0.04 * 25.0), "nothing was taken back"
    assert np.abs(report.pulses - TARGETS).max() <= 0.021 * 25.0 + 1e-9
    assert (report.reads == np.ceil(report.pulses / 4) + 1).all(), "bursts of at most four pulses"


def test_cells_that_need_nothing_get_nothing():
    _, report = loop(np.zeros((2, 60, 80)), verify_std=0.0)
    assert report.total_pulses == 0
    assert (report.reads == 1).all()


def test_an_unreachable_target_ends_after_the_iterations():
    write = PulseSteps(step=0.001, step_std=0.0, max_pulses=1)
    programmed, report = loop(np.full((2, 60, 80), 25.0), max_iterations=7, verify_std=0.0, write=write)
    assert not report.converged.any()
    assert (report.pulses == 7).all()
    assert (report.reads == 8).all()
    assert programmed == pytest.approx(7 * 0.025)


def test_noise_of_the_verifying_read_is_what_remains():
    # With exact writes and a tolerance of 1e-9 nothing converges, and the error is the noise of the last read that led
    # to a write: Kolmogorov-Smirnov of 9,600 numbers, 1e-4.
    write = SetWithError(relative_std=0.0, absolute_std=0.0)
    _, report = loop(verify_std=0.01, tolerance=1e-9, max_iterations=3, write=write)
    assert stats.kstest(report.error_us.ravel(), "norm", (0.0, 0.25)).pvalue > 1e-4


def test_errors_of_one_write_have_their_deviation():
    # One write from 0 to g, then nothing: error sqrt((0.1 g)^2 + (0.02 * 25)^2) xi, Kolmogorov-Smirnov, 1e-4
    write = SetWithError(relative_std=0.1, absolute_std=0.02)
    _, report = loop(verify_std=0.0, tolerance=1e-9, max_iterations=1, write=write)
    assert stats.kstest((report.error_us / np.hypot(0.1 * TARGETS, 0.5)).ravel(), "norm").pvalue > 1e-4


def test_a_tighter_tolerance_costs_pulses_and_reads():
    loose, tight = loop(tolerance=0.05)[1], loop(tolerance=0.01)[1]
    assert tight.rms_error_us < loose.rms_error_us
    assert tight.total_pulses > loose.total_pulses
    assert tight.total_reads > loose.total_reads
