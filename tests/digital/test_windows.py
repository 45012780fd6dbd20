"""Windows over images against NumPy's views of them, and sums of what positions give back in any arithmetic's order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from archsim._core import windows as kernels
from archsim.digital.windows import Window, fold, fold_by, largest, to_largest, transposed, unfold
from tests._core.guarded import guarded, status_of_child

EXTENT = st.tuples(st.integers(1, 3), st.integers(1, 3))
BORDER = st.tuples(st.integers(0, 2), st.integers(0, 2))


@st.composite
def cases(draw: st.DrawFn, *, dilated: bool = True) -> tuple[Window, np.ndarray]:
    """Return a window, and images of few different numbers: largest ones are found more than once."""
    window = Window(draw(EXTENT), draw(EXTENT), draw(BORDER), draw(EXTENT) if dilated else (1, 1))
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    for extent, span, border in zip((height, width), window.span, window.padding, strict=True):
        assume(span <= extent + 2 * border)
    kind = draw(st.sampled_from([np.float32, np.float64]))
    shape = draw(st.integers(1, 2)), draw(st.integers(1, 3)), height, width
    numbers = np.random.default_rng(draw(st.integers(0, 99)))
    return window, numbers.choice(
        [-np.inf, -1.5, 0.25, 1.0, 3.0, np.nan], shape, p=[0.1, 0.2, 0.3, 0.2, 0.15, 0.05]
    ).astype(kind)


def seen(window: Window, images: np.ndarray, border: float) -> np.ndarray:
    """Return what each position sees: (samples, channels, rows, columns, kernel rows, kernel columns)."""
    (py, px), (sy, sx), (dy, dx) = window.padding, window.stride, window.dilation
    padded = np.pad(images, ((0, 0), (0, 0), (py, py), (px, px)), constant_values=border)
    return sliding_window_view(padded, window.span, axis=(2, 3))[:, :, ::sy, ::sx, ::dy, ::dx]


@given(cases())
def test_vectors_are_what_positions_see(case: tuple[Window, np.ndarray]) -> None:
    window, images = case
    expected = seen(window, images, 0).transpose(0, 2, 3, 1, 4, 5)
    found = unfold(window, images)
    assert found.dtype == images.dtype
    np.testing.assert_array_equal(found, expected.reshape(found.shape))
    # Every second channel: what is no block of memory of its own.
    np.testing.assert_array_equal(
        unfold(window, images[:, ::2]), expected[:, :, :, ::2].reshape(len(found), -1), strict=True
    )


@given(cases(dilated=False))
def test_the_largest_number_is_numpys_and_takes_the_gradient(case: tuple[Window, np.ndarray]) -> None:
    window, images = case
    views = seen(window, images, -np.inf)
    flat = views.reshape(*views.shape[:4], -1)
    found = largest(window, images)
    np.testing.assert_array_equal(found, flat.max(axis=4), strict=True)
    d = np.arange(1.0, found.size + 1, dtype=images.dtype).reshape(found.shape)
    expected = np.zeros(flat.shape, images.dtype)
    np.put_along_axis(expected, flat.argmax(axis=4)[..., None], d[..., None], axis=4)
    np.testing.assert_array_equal(to_largest(window, images, d), expected.reshape(views.shape), strict=True)


@given(cases(), st.booleans(), st.integers(0, 99))
def test_sums_over_positions_have_the_order_of_the_kernels_elements(
    case: tuple[Window, np.ndarray], by_position: bool, seed: int
) -> None:
    window, images = case
    shape = seen(window, images, 0).shape
    # Of very different sizes, so that another order gives other bits.
    numbers = np.random.default_rng(seed)
    parts = (numbers.normal(size=shape) * 10.0 ** numbers.integers(-6, 7, shape)).astype(images.dtype)
    if by_position:
        parts = np.ascontiguousarray(parts.transpose(0, 2, 3, 1, 4, 5)).transpose(0, 3, 1, 2, 4, 5)
    height, width = images.shape[2:]
    expected = fold_by(np.add, window, parts, height, width)
    np.testing.assert_array_equal(fold(window, parts, height, width), expected, strict=True)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 4, 4), (1, 37, 18), (3, 6, 50), (2, 5, 3), (2, 0, 3)], ids=str)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_transposed_matrices_are_numpys(shape: tuple[int, int, int], kind: type[np.floating]) -> None:
    matrices = np.arange(np.prod(shape), dtype=kind).reshape(shape)
    np.testing.assert_array_equal(transposed(matrices), matrices.transpose(0, 2, 1), strict=True)


def test_sums_of_nothing_are_zero_and_never_minus_zero() -> None:
    parts = np.full((1, 2, 3, 3, 1, 1), -0.0, np.float32)
    for window in (Window((1, 1), (1, 1), (0, 0)), Window((1, 1), (2, 2), (0, 0))):
        assert not np.signbit(fold(window, parts, *([3, 3] if window.stride == (1, 1) else [5, 5]))).any()


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (3, 3), (3, 1), (5, 5), (2, 7)], ids=str)
def test_nothing_beside_the_arrays_is_touched(kernel: tuple[int, int], at_end: bool) -> None:
    def touch() -> None:
        for border, step, kind in itertools.product((0, 1), (1, 2), (np.float32, np.float64)):
            window = Window(kernel, (step, step), (border, border))
            rows, columns = window.over(6, 9)
            images = guarded(np.ones((2, 3, 6, 9), kind), at_end=at_end)
            vectors = guarded(np.ones((2 * rows * columns, 3 * window.elements), kind), at_end=at_end)
            values = guarded(np.ones((2, 3, rows, columns), kind), at_end=at_end)
            parts = guarded(np.ones((values.size, window.elements), kind), at_end=at_end)
            turned = guarded(np.ones((2, len(vectors[0]), rows * columns), kind), at_end=at_end)
            geometry = window.kernel, window.stride, window.padding
            kernels.unfold(images, vectors, *geometry, window.dilation)
            kernels.fold(vectors, images, *geometry, window.dilation)
            kernels.largest(images, values, *geometry)
            kernels.to_largest(images, values, parts, *geometry)
            kernels.transpose(vectors.reshape(2, rows * columns, -1), turned)

    assert status_of_child(touch) == 0


def test_arrays_that_do_not_fit_are_refused() -> None:
    images = np.zeros((1, 1, 3, 3), np.float32)
    with pytest.raises(ValueError, match="vectors"):
        kernels.unfold(images, np.zeros((4, 5), np.float32), (2, 2), (1, 1), (0, 0), (1, 1))
    with pytest.raises(ValueError, match="vectors"):
        kernels.fold(np.zeros((3, 4), np.float32), images, (2, 2), (1, 1), (0, 0), (1, 1))
    with pytest.raises(ValueError, match="values"):
        kernels.largest(images, np.zeros((1, 1, 3, 2), np.float32), (2, 2), (1, 1), (0, 0))
    with pytest.raises(ValueError, match="gradient"):
        kernels.to_largest(images, images, np.zeros((4, 4), np.float32), (2, 2), (1, 1), (0, 0))
    with pytest.raises(ValueError, match="parts"):
        kernels.to_largest(
            images, np.zeros((1, 1, 2, 2), np.float32), np.zeros((4, 3), np.float32), (2, 2), (1, 1), (0, 0)
        )
    with pytest.raises(ValueError, match="stacks"):
        kernels.transpose(np.zeros((1, 2, 3), np.float32), np.zeros((1, 2, 3), np.float32))
    with pytest.raises(ValueError, match="positive"):
        kernels.unfold(images, np.zeros((4, 4), np.float32), (2, 2), (0, 1), (0, 0), (1, 1))
    with pytest.raises(ValueError, match="negative"):
        kernels.unfold(images, np.zeros((4, 4), np.float32), (2, 2), (1, 1), (-1, 0), (1, 1))
