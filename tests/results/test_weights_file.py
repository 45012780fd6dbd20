"""A layer may be called anything, also what the functions that write its weights call their own parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from archsim.results import load_run

from .synthetic import synthetic_run


def test_layers_may_have_the_names_of_parameters(tmp_path: Path) -> None:
    names = ("file", "allow_pickle", "a.b")
    weights = {name: np.full((2, 3), i, np.float32) for i, name in enumerate(names)}
    run = replace(synthetic_run(), weights=weights)
    run.save(tmp_path / "run")
    assert load_run(tmp_path / "run") == run
    with np.load(tmp_path / "run" / "weights.npz") as archive:
        assert archive.files == list(names)
