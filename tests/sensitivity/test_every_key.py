"""Every key of a document changes what a run gives, somewhere; what does not is named, with its reason."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from archsim import DataSet, simulate
from archsim.document import load_experiment
from archsim.document.field_descriptions import models_in, specifications
from archsim.errors import ArchsimError
from archsim.experiment import Experiment
from archsim.results.provenance import Provenance, collect_provenance
from archsim.simulation import execution
from archsim.specification import Constant, Domain, Scaling
from tests.sensitivity.bases import bases, data_base, small_data
from tests.sensitivity.excused import EXCUSED
from tests.sensitivity.toggles import Key, digest, models_of, toggled

#: Whether a key that several kinds inherit must act in each of them, which takes minutes, or in one.
_EVERY_KIND = os.environ.get("ARCHSIM_EVERY_KIND") == "1"
#: So many other values of a key are tried on each experiment.
_MOST_TRIES = 4


def key_of(model: type[BaseModel], field: str) -> Key:
    """Return the specification that has a key, by itself or for all that are derived from it, and the key."""
    bases_first = reversed([base for base in model.__mro__ if issubclass(base, BaseModel)])
    owner = model if _EVERY_KIND else next(base for base in bases_first if field in base.model_fields)
    return owner.__name__, field


@functools.cache
def keys() -> frozenset[Key]:
    """Return the keys of a document that hold a value, by specification and field.

    A constant is one value, with its source and domain; what a section does, its keys do; what a kind is differs by its
    keys.
    """
    return frozenset(
        key_of(model, field)
        for model in specifications()
        if not issubclass(model, (Constant, Domain, Scaling))
        for field, info in model.model_fields.items()
        if field != "kind" and all(issubclass(below, Constant) for below, _ in models_in(info.annotation))
    )


@pytest.fixture(scope="module")
def acting() -> Iterator[frozenset[Key]]:
    """The keys that change what some experiment gives."""
    with pytest.MonkeyPatch.context() as patch:
        # Both take ten times as long as such a run, and neither is compared.
        found: list[Provenance] = []

        def once(**given: object) -> Provenance:
            if not found:
                found.append(collect_provenance(**given))  # type: ignore[arg-type]
            return found[0]

        patch.setattr(execution, "collect_provenance", once)
        patch.setattr(execution, "resolved", lambda experiment: "")
        yield frozenset(_acting())


def _acting() -> set[Key]:
    acts: set[Key] = set()
    data = small_data()
    # Most keys act at once in some experiment: others are not tried on and on in one where they cannot.
    for tries in (1, _MOST_TRIES):
        for document, focus in bases():
            _try_all(load_experiment(document), focus, data, acts, tries)
        _try_all(load_experiment(data_base()), ("data",), None, acts, tries)
    return acts


def _try_all(experiment: Experiment, focus: tuple[str, ...], data: DataSet | None, acts: set[Key], tries: int) -> None:
    wanted = keys() - EXCUSED.keys() - acts
    if not wanted:
        return
    before = digest(simulate(experiment, data=data))
    for model, path in models_of(experiment):
        for field in type(model).model_fields:
            key = key_of(type(model), field)
            if (
                path[: len(focus)] == focus
                and key in wanted - acts
                and _acts(toggled(experiment, path, model, field), data, before, tries)
            ):
                acts.add(key)


def _acts(others: Iterator[Experiment], data: DataSet | None, before: str, tries: int) -> bool:
    for other in itertools.islice(others, tries):
        try:
            if digest(simulate(other, data=data)) != before:
                return True
        except ArchsimError:
            continue  # Refused with its reason, which is no silence; but it shows no effect either.
    return False


def test_every_key_acts_or_has_a_reason_not_to(acting: frozenset[Key]) -> None:
    assert sorted(keys() - acting - EXCUSED.keys()) == []


def test_no_reason_is_out_of_date() -> None:
    owners = {base for model in specifications() for base in model.__mro__ if issubclass(base, BaseModel)}
    assert sorted(EXCUSED.keys() - {(owner.__name__, field) for owner in owners for field in owner.model_fields}) == []
