"""Random numbers of digital decisions: those of the twin's counters, in any order."""

import numpy as np

from archsim._core import CHOP
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.reference.philox import uniform, words


def test_they_are_the_numbers_of_their_counters():
    key, identity = 2**40 + 7, 12345
    uniforms = Uniforms(key, identity, CHOP)
    for index in (0, 1, 1023, 1024, 5, 2**32 - 1, 2**32, 2**40 + 3):
        row = uniform(words(np.arange(6), key, identity, CHOP, index)[:, 0])
        np.testing.assert_array_equal(uniforms.rows(index, 1, 6)[0], row)
        assert uniforms.at(index) == row[0]
    two = uniforms.rows(2**32 - 1, 2, 3)
    np.testing.assert_array_equal(two[1], uniforms.rows(2**32, 1, 3)[0])
    assert uniforms.rows(0, 0, 3).shape == (0, 3)
