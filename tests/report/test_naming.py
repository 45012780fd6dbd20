"""An algorithm is told by its name."""

from __future__ import annotations

import pytest

from archsim import plugins
from archsim.report.content import facts
from archsim.report.naming import algorithm_name, algorithms_used
from tests.integration.experiments import digits


@pytest.mark.parametrize("name", ["analog-sgd", "ttv2", "c-ttv2", "agad", "mixed-precision"])
def test_published_settings_are_told_by_their_name(name: str) -> None:
    settings = plugins.load("archsim.algorithms", name)().model_dump(mode="json")
    assert algorithm_name(settings) == name
    assert algorithm_name(settings | {"something": "changed"}) == settings["kind"]


def test_a_layer_tells_its_own_algorithm() -> None:
    experiment = {
        "training": {"algorithm": {"kind": "of-another-package"}},
        "network": {"layers": [{"name": "a"}, {"name": "b", "algorithm": "digital-sgd"}]},
    }
    assert algorithms_used(experiment) == "of-another-package (b: digital-sgd)"


def test_the_report_of_a_run_tells_the_name() -> None:
    run = digits("training.algorithm=c-ttv2", "training.max_mini_batches=2", mode="timing")
    assert facts(run)["algorithm"] == "c-ttv2"


def test_the_head_tells_what_is_not_taken_without_a_word() -> None:
    plain = facts(digits("training.max_mini_batches=2", mode="timing"))
    assert plain["interconnect"] == "mesh"
    assert not plain.keys() & {"places", "update", "transfers", "overlap", "chunk vectors", "arbitration"}
    unusual = ("schedule.places=2", "schedule.overlap=layers", "schedule.chunk_vectors=4", "schedule.update=deferred")
    unusual += ("chip.interconnect.kind=bus", "chip.arbitration.kind=round-robin")
    told = facts(digits("training.max_mini_batches=2", *unusual, mode="timing"))
    assert told["places"] == "2 (stages at 0, 1, 0)"
    assert (told["overlap"], told["chunk vectors"], told["update"]) == ("layers", "4", "deferred")
    assert (told["interconnect"], told["arbitration"]) == ("bus", "round-robin")
