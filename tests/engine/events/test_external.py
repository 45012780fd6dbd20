"""Generator processes from outside join a run: they occupy units, keep nothing alive, and cannot be stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import simpy

from archsim.chip.timing import buffer_ps
from archsim.engine.checkpoint.store import CheckpointError, store_objects
from archsim.engine.events.external import Component, UnitHandle
from archsim.engine.events.machine import Machine
from archsim.engine.numerics.expected import Expected
from archsim.engine.observer import Observer
from archsim.engine.setup import Setup
from archsim.errors import Deadlock, InputError
from archsim.results.timeline import Timeline

from .test_deadlock import CROSSED, EXPECTED, chip, setup

ONE_AFTER_THE_OTHER = ("F0 B0 U0 F1 B1 U1", "F0 B0 U0 F1 B1 U1")


def machine(made: Setup, **components: Component) -> Machine:
    work = Expected(made.samples, EXPECTED)
    named = {name.replace("_", " "): component for name, component in components.items()}
    return Machine(made, work, Timeline(), Observer(work, made.schedule, 1, None), named)


def refresh(period_ps: int, duration_ps: int, unit: str = "buffer 0") -> Component:
    """A refresh that blocks a port again and again, for ever."""

    def dram_refresh(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
        while True:
            yield units[unit].hold(duration_ps)
            yield env.timeout(period_ps)

    return dram_refresh


def once(duration_ps: int) -> Component:
    def block(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
        yield units["buffer 0"].hold(duration_ps)

    return block


def makespan(run: Machine) -> int:
    assert run.run()
    run.timeline.close(run.kernel.now)
    numbers = {unit.name: number for number, unit in enumerate(run.timeline.units)}
    for number in numbers.values():
        idle = sum(run.timeline.idle_by_cause(number).values())
        assert run.timeline.busy_ps(number) + idle == run.kernel.now
    return run.kernel.now


def busy(run: Machine, unit: str) -> Mapping[str, int]:
    table = run.timeline.frame()
    rows = table[(table["unit"] == unit) & (table["action"] != "")]
    times = (rows["end_ps"] - rows["start_ps"]).groupby(rows["action"], observed=True).sum()
    return {str(action): int(time) for action, time in times.items()}


def slices(run: Machine, unit: str, action: str) -> list[tuple[int, int]]:
    table = run.timeline.frame()
    rows = table[(table["unit"] == unit) & (table["action"] == action)]
    return list(zip(rows["start_ps"].tolist(), rows["end_ps"].tolist(), strict=True))


def test_a_port_that_is_blocked_at_the_start_delays_all_that_follows_by_what_is_left_of_the_block() -> None:
    """Micro-batch follows micro-batch here, and each waits for the first step of the first F, at the port."""
    made = setup(chip(), *ONE_AFTER_THE_OTHER)
    free = machine(made)
    before = makespan(free)
    port_start, port_end = slices(free, "buffer 0", "F")[0]
    assert port_end - port_start == buffer_ps(made.chip, 4)
    step_end = max(port_end, slices(free, "tile 0", "F")[0][1])
    for block_ps in (1, port_start, port_start + 1, step_end, 10 * before):
        blocked = machine(made, block=once(block_ps))
        moved = max(0, max(block_ps, port_start) + port_end - port_start - step_end)
        assert makespan(blocked) == before + moved
        assert busy(blocked, "buffer 0") == {"block": block_ps, **busy(free, "buffer 0")}
    assert moved > before


def test_a_refresh_that_goes_on_for_ever_ends_with_the_run() -> None:
    made = setup(chip(), *ONE_AFTER_THE_OTHER)
    free, refreshed = machine(made), machine(made, dram_refresh=refresh(400_000, 50_000))
    before, after = makespan(free), makespan(refreshed)
    rows = slices(refreshed, "buffer 0", "dram refresh")
    assert before < after <= before + 50_000 * len(rows)
    assert len(rows) > 2
    found = dict(busy(refreshed, "buffer 0"))
    assert found.pop("dram refresh") == sum(end - start for start, end in rows)
    assert found == busy(free, "buffer 0")
    causes = refreshed.timeline.idle_ps()
    assert causes["buffer 0", "demand of dram refresh"] > 0


def test_a_hold_that_outlasts_the_run_is_cut_at_its_end() -> None:
    made = setup(chip(), *ONE_AFTER_THE_OTHER)
    before = makespan(machine(made))

    def late(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
        yield env.timeout(before - 1)
        yield units["tile 1"].hold(10**9)

    run = machine(made, late=late)
    assert makespan(run) == before
    assert busy(run, "tile 1")["late"] == 1


def test_two_components_at_one_unit_keep_nothing_alive() -> None:
    made = setup(chip(), *ONE_AFTER_THE_OTHER)
    run = machine(made, one=refresh(1, 10_000, "host"), other=refresh(1, 10_000, "host"))
    assert makespan(run) < 2 * makespan(machine(made)) + 100_000


def test_stages_that_wait_for_each_other_are_found_beside_a_process_that_goes_on_for_ever() -> None:
    with pytest.raises(Deadlock, match="stage 0 waits to do B0, for gradient 0 from stage 1"):
        machine(setup(chip(), *CROSSED), dram_refresh=refresh(1000, 10)).run()


def test_a_checkpoint_of_such_a_run_is_refused_by_name() -> None:
    run = machine(setup(chip(), *ONE_AFTER_THE_OTHER), dram_refresh=refresh(1000, 10))
    told = "component 'dram refresh' is a generator process, whose state cannot be stored"
    left = iter(range(40))
    while not run.run(lambda: True):
        with pytest.raises(CheckpointError, match=told):
            store_objects(run, {"setup": run.setup, "work": run._work})
        if next(left, None) is None:
            break


def test_events_at_one_time_run_by_priority_then_in_the_order_in_which_they_were_entered() -> None:
    seen: list[str] = []

    def first(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
        late, early = env.event(), env.event()
        for event, name in ((late, "normal"), (early, "urgent")):
            event.callbacks.append(lambda _, name=name: seen.append(name))
            event._ok, event._value = True, None
        env.schedule(late, 1, 5)
        env.schedule(early, 0, 5)
        yield env.timeout(5)
        seen.append("timeout")

    machine(setup(chip(), *ONE_AFTER_THE_OTHER), first=first).run()
    assert seen == ["urgent", "normal", "timeout"]


def wrong_time(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
    yield env.timeout(0.5)


def wrong_hold(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
    yield units["buffer 0"].hold(-1)


def wrong_unit(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
    yield units["buffer 9"].hold(1)


@pytest.mark.parametrize(
    ("component", "problem"),
    [
        (wrong_time, r"a component waits for a time that is none[\s\S]*0\.5"),
        (wrong_hold, r"component 'mine' holds buffer 0 for a time that is none[\s\S]*-1"),
        (wrong_unit, r"component 'mine' asks for a unit that this run does not use[\s\S]*buffer 9[\s\S]*buffer 0"),
        (lambda env, units: None, "component 'mine' is no SimPy process"),
    ],
)
def test_what_a_component_does_wrong_is_told(component: Component, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        machine(setup(chip(), *ONE_AFTER_THE_OTHER), mine=component).run()


def test_an_error_of_a_component_is_raised_as_it_is() -> None:
    mistake = RuntimeError("mine", 1)

    def broken(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
        yield env.timeout(1)
        raise mistake

    with pytest.raises(RuntimeError) as found:
        machine(setup(chip(), *ONE_AFTER_THE_OTHER), mine=broken).run()
    assert found.value is mistake
