"""What arXiv:2303.04721 says about programming weights by training, on a smaller matrix and in a shorter run.

Errors are means over three construction seeds. Limits are at least four standard deviations of such a mean away from
what eight seeds gave (in brackets), so that each rate of false alarm is below 1e-4.
"""

import numpy as np

from tests.statistical.studies import load

STUDY = load("weight_programming")
CHOPPED, AGAD = f"{STUDY.CHOPPED}, rho = 0.5", STUDY.AGAD


def error(algorithm, *, offset=0.0, step=0.1, bound=1.0, rate=0.1):
    """Return the mean weight error of the last quarter of a run."""
    cases = [STUDY.Case("", algorithm, step, bound, offset, rate, seed) for seed in (1, 2, 3)]
    return np.mean([STUDY.program(case, vectors=6000, size=10)[-25:].mean() for case in cases])


def test_tiki_taka_learns_with_twenty_states_and_analog_sgd_does_not():
    assert error(STUDY.TTV2) < 0.07  # (0.055 +- 0.002)
    assert error(STUDY.SGD) > 0.14  # (0.187 +- 0.006)


def test_offsets_mislead_only_what_relies_on_a_reference():
    assert error(STUDY.TTV2, offset=0.5) > 0.2  # (0.35 +- 0.03)
    for algorithm in (CHOPPED, AGAD):
        # (0.003 +- 0.003 and 0.000 +- 0.004)
        assert abs(error(algorithm, offset=0.5) - error(algorithm)) < 0.02


def test_symmetry_helps_analog_sgd_and_harms_tiki_taka():
    fine = {"step": 0.01, "rate": 0.05}
    sgd = [error(STUDY.SGD, bound=bound, **fine) for bound in (0.6, 4.0)]
    tiki_taka = [error(STUDY.TTV2, bound=bound, **fine) for bound in (1.0, 8.0)]
    assert sgd[0] > 3 * sgd[1]  # (6.7 +- 0.4)
    assert tiki_taka[1] > 2 * tiki_taka[0]  # (4.5 +- 0.7)
