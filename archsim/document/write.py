"""An experiment written out in full: the document beside every result, which makes it again."""

from __future__ import annotations

import io
from importlib.metadata import version

from ruamel.yaml import YAML

from archsim.experiment import Experiment

__all__ = ["resolved"]


def resolved(experiment: Experiment) -> str:
    """Return YAML in which nothing is left to a default or a preset.

    Reading it gives the same experiment again, exactly.
    """
    yaml = YAML()
    yaml.width = 120
    text = io.StringIO()
    yaml.dump(experiment.model_dump(mode="json"), text)
    return (
        f"# Resolved by archsim {version('archsim')}: presets, defaults and overrides written out.\n{text.getvalue()}"
    )
