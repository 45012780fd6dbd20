"""What a training algorithm is called: by the name under which its settings are published, else by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsim import plugins
from archsim.errors import ArchsimError
from archsim.specification import Specification

__all__ = ["algorithm_name", "algorithms_used"]


def algorithm_name(settings: object) -> str:
    """Return the name of an algorithm as a resolved experiment tells it.

    A named algorithm is resolved into its settings. If these are the ones that are registered under a name, the name is
    told; if some were changed, only the kind is certain.
    """
    if not isinstance(settings, Mapping):
        return str(settings)
    kind = str(settings.get("kind", "?"))
    for name in sorted(plugins.names("archsim.algorithms"), key=lambda name: (name != kind, name)):
        if _settings_of(name) == dict(settings):
            return name
    return kind


def algorithms_used(experiment: Mapping[str, Any]) -> str:
    """Return the algorithm of an experiment, and of each layer that has its own: ``ttv2 (fc3: analog-sgd)``."""
    layers = experiment["network"].get("layers", ())
    own = [
        f"{layer.get('name', index)}: {algorithm_name(layer['algorithm'])}"
        for index, layer in enumerate(layers)
        if layer.get("algorithm") is not None
    ]
    return algorithm_name(experiment["training"]["algorithm"]) + (f" ({', '.join(own)})" if own else "")


def _settings_of(name: str) -> dict[str, Any] | None:
    """Return what a name stands for; None for a name whose package cannot be used here, which names nothing."""
    try:
        found = plugins.load("archsim.algorithms", name)()
    except ArchsimError:
        return None
    return found.model_dump(mode="json") if isinstance(found, Specification) else None
