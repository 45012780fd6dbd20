"""The built-in chips: each a YAML document beside this file, in which every constant names its source."""

from __future__ import annotations

import copy
import functools
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

__all__ = ["reram_1024", "rpu_512", "rpu_512_single", "unit", "unit_fbu"]


def unit() -> dict[str, Any]:
    """Return the textbook pipeline: every forward and backward of a stage takes one cycle of 1 ns.

    The chip on which closed-form makespans hold exactly; arXiv:2410.15155 counts its speed-ups so.
    """
    return _document("unit.yaml")


def unit_fbu() -> dict[str, Any]:
    """Return the textbook pipeline in which an update takes a cycle, too, for each micro-batch that it applies.

    The chip of schedules that place updates, such as ``zb-h1`` (Qi et al., arXiv:2401.10241, Section 2).
    """
    document = unit()
    document["name"] = "unit-fbu"
    document["description"] = (
        "The textbook pipeline with updates: a whole forward or backward of a stage, and its update by one "
        "micro-batch, take one cycle of 1 ns each; all else takes neither time nor energy. The tile's size only says "
        "how matrices are cut for the numbers."
    )
    document["stage_engine"]["update"] = {
        "value": "1 ns",
        "source": "one cycle by definition of the pipeline with equal passes F, B and W (arXiv:2401.10241)",
        "status": "derived",
    }
    return document


def reram_1024() -> dict[str, Any]:
    """Return the analog ReRAM training accelerator of Marinella et al. 2018, 14/16 nm, 1024 x 1024 cells.

    doi:10.1109/JETCAS.2018.2796379, arXiv:1707.09952. Complete in time and energy of the crossbar;
    what surrounds it is borrowed or a placeholder, as its constants say.
    """
    return _document("reram-1024.yaml")


def rpu_512() -> dict[str, Any]:
    """Return the 512 x 512 resistive processing unit whose times Rasch et al. 2024 use.

    doi:10.1038/s41467-024-51221-z. Energies and areas are not published and are placeholders.
    """
    return _document("rpu-512.yaml")


def rpu_512_single() -> dict[str, Any]:
    """Return ``rpu-512`` with one tile a node, which has its quarter of the digital unit to itself.

    The 0.7 TFLOPS that four arrays share are 175 GFLOPS for each, as Table 1 of Rasch et al. 2024 counts them
    (doi:10.1038/s41467-024-51221-z). So one layer runs as fast there as each of four busy ones on ``rpu-512``.
    """
    document = rpu_512()
    document["name"] = "rpu-512-single"
    document["description"] = (
        "The chip rpu-512 with one tile a node and a digital unit of a quarter of the lanes: 175 GFLOPS, an array's "
        "share of the 0.7 TFLOPS that four have together. " + document["description"]
    )
    document["node_tiles"] = 1
    # Area and static power of the unit follow by their own rules.
    document["nmpu"]["lanes"] //= 4
    return document


def _document(name: str) -> dict[str, Any]:
    # A copy: who asks may change it.
    return copy.deepcopy(_parsed(name))


@functools.cache
def _parsed(name: str) -> dict[str, Any]:
    """Return a document of this folder, read once: parsing it takes longer than a short run."""
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    document: dict[str, Any] = YAML(typ="safe").load(text)
    return document
