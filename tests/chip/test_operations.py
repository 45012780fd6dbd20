"""What one job counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archsim.chip import presets
from archsim.chip.counts import OPERATIONS
from archsim.chip.operations import affine_operations, read_counts, update_counts, update_operations, vector_bytes
from archsim.chip.specification import Chip

LINES = st.integers(1, 1024)


@given(LINES, LINES, st.integers(0, 100))
def test_a_transposed_read_drives_columns_and_converts_rows(rows: int, columns: int, vectors: int) -> None:
    forward = read_counts(rows, columns, vectors)
    backward = read_counts(rows, columns, vectors, transposed=True)
    assert forward["dac", "conversion"] == backward["adc", "conversion"] == rows * vectors
    assert forward["adc", "conversion"] == backward["dac", "conversion"] == columns * vectors
    assert forward["array", "cell_read"] == backward["array", "cell_read"] == rows * columns * vectors
    assert read_counts(columns, rows, vectors) == backward


def test_an_update_drives_used_rows_and_columns_once_a_vector() -> None:
    assert update_counts(5, 3, 7) == {
        ("array", "cell_write"): 105,
        ("pulse_driver", "write_row"): 35,
        ("pulse_driver", "write_column"): 21,
    }


def test_every_counted_operation_is_a_known_one() -> None:
    for component, operation in read_counts(2, 2, 1) | update_counts(2, 2, 1):
        assert operation in OPERATIONS[component]


def test_each_part_of_a_cut_matrix_is_accumulated() -> None:
    parts = [(8, 5), (8, 5), (7, 5), (7, 5)]
    assert affine_operations(parts, 2) == 40
    assert affine_operations(parts, 2, transposed=True) == 60


def test_update_prepares_every_element_of_both_vectors() -> None:
    assert update_operations(512, 512, 3) == 3 * 2 * 512


def test_bytes_follow_the_element_width() -> None:
    assert vector_bytes(Chip.model_validate(presets.reram_1024()), 1000) == 1000
    assert vector_bytes(Chip.model_validate(presets.rpu_512()), 1000) == 2000
    assert vector_bytes(Chip.model_validate(presets.unit()), 1000) == 0
