"""What a program registered goes to its workers: by the names of modules and functions, never as code."""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Iterable, Iterator
from typing import Any

from archsim import plugins
from archsim.errors import InputError
from archsim.experiment import Experiment

__all__ = ["adopt", "carried"]


def carried(experiments: Iterable[Experiment]) -> bytes:
    """Return what workers need of what `archsim.register` added in this process, for `adopt`.

    Parameters
    ----------
    experiments : iterable of Experiment
        What the workers will run.

    Raises
    ------
    InputError
        If an experiment uses something that cannot be imported in another process: a lambda, a function within a
        function, or what was defined in a notebook or in the script itself.
    """
    parcels: dict[tuple[plugins.Group, str], bytes] = {}
    missing: dict[str, str] = {}
    for (group, name), thing in plugins.registered().items():
        try:
            parcels[group, name] = _packed(thing)
        except Exception as error:  # What is registered may refuse in any way.
            missing[name] = str(error)
    if missing:
        used = {text for experiment in experiments for text in _texts(experiment.model_dump(mode="json"))}
        for name, why in missing.items():
            if name in used:
                raise InputError(
                    f"'{name}' was registered in this program, and a worker process cannot import it ({why})",
                    field="--workers",
                    remedy="define it at the top of a module of its own and import that, or take one worker",
                )
    return pickle.dumps(parcels)


def adopt(parcels: bytes) -> None:
    """Register in this process what `carried` packed in another one."""
    plugins.adopt({at: pickle.loads(parcel) for at, parcel in pickle.loads(parcels).items()})


def _packed(thing: Any) -> bytes:
    """Return a thing by reference to its module; functions and classes are pickled so."""
    parcel = pickle.dumps(thing)
    if any(argument == "__main__" for _, argument, _ in pickletools.genops(parcel)):
        raise pickle.PicklingError("it was defined in the program itself, not in a module")
    return parcel


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _texts(value)
