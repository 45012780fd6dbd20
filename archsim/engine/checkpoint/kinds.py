"""The list of all that a checkpoint may hold, and of the methods that its events may call.

Everything else is refused, when a checkpoint is written and when it is read. Classes of other packages are never on
it: an algorithm or a device gives its state as arrays, by ``state`` and ``restore``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

__all__ = ["KINDS", "Kind", "kind_of", "kinds_by_name"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A class whose objects may stand in a checkpoint.

    Attributes
    ----------
    module, name : str
        Where the class is.
    calls : tuple of str
        The methods that a pending event may call back.
    rebuilt : tuple of str
        Attributes that are left out. The class has a method ``restored`` that sets them again from the others.
    state : tuple of str
        What its ``__getstate__`` returns and its ``__setstate__`` takes, if it has them; else all its attributes
        are stored.
    """

    module: str
    name: str
    calls: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()
    state: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"

    def load(self) -> type[Any]:
        """Return the class."""
        found: type[Any] = getattr(import_module(self.module), self.name)
        return found

    def attributes(self) -> tuple[str, ...]:
        """Return the names of what is stored of an object, in a fixed order."""
        return self.state or _attributes(self.load(), self.rebuilt)  # type: ignore[arg-type]


@cache
def _attributes(found: type[Any], rebuilt: tuple[str, ...]) -> tuple[str, ...]:
    if issubclass(found, tuple):
        names: tuple[str, ...] = found._fields  # type: ignore[attr-defined]
    elif is_dataclass(found):
        names = tuple(field.name for field in fields(found))
    else:
        names = tuple(name for base in reversed(found.__mro__) for name in vars(base).get("__slots__", ()))
    return tuple(name for name in names if name not in rebuilt)


#: What `archsim.engine.numerics.coupling.Numbers` looks up again.
_NUMBERS = ("_digital", "_holders", "_learning_rate", "_releasing")

KINDS: tuple[Kind, ...] = (
    # The chip at work
    Kind("archsim.analog.observed", "Counts"),
    Kind("archsim.chip.components", "BufferSpace"),
    Kind("archsim.chip.shared_space", "SharedSpace"),
    Kind("archsim.chip.shared_space", "SpaceShare"),
    Kind("archsim.chip.components", "Unit", calls=("_complete",)),
    Kind("archsim.chip.counts", "CountKey"),
    # The machine
    Kind("archsim.engine.events.machine", "Machine"),
    Kind("archsim.engine.events.kernel", "Kernel", state=("now", "events", "limit_ps", "pending")),
    Kind("archsim.engine.events.copying", "AlternatingGrid"),
    Kind("archsim.engine.events.copying", "AlternatingTask"),
    Kind("archsim.engine.events.copying", "CopyMessages"),
    Kind("archsim.engine.events.copying", "CopyOperations"),
    Kind("archsim.engine.events.copying", "CopyTraffic"),
    Kind("archsim.engine.events.copying", "LineCopies"),
    Kind("archsim.engine.events.copying", "LineReads"),
    Kind("archsim.engine.events.equipment_of_stages", "EquipmentOfStages"),
    Kind("archsim.engine.events.equipment_of_units", "EquipmentOfUnits"),
    Kind("archsim.engine.events.fill", "FillCurve"),
    Kind("archsim.engine.events.intake", "Intake"),
    Kind("archsim.engine.events.intake", "IntakeOrder", rebuilt=("_rest", "next")),
    Kind("archsim.engine.events.sequencer", "Sequencer"),
    Kind("archsim.engine.events.sequencer", "ActionRun"),
    Kind("archsim.engine.events.step_runs", "StepRun"),
    Kind("archsim.engine.events.step_runs", "StreamedStepRun"),
    Kind("archsim.engine.events.step_runs", "Turns"),
    Kind("archsim.engine.events.streaming", "ChunkRoute"),
    Kind("archsim.engine.events.streaming", "GradientOutlet"),
    Kind("archsim.engine.events.streaming", "HandOver"),
    Kind("archsim.engine.events.streaming", "Inlet"),
    Kind("archsim.engine.events.streaming", "PositionOutlet"),
    Kind("archsim.engine.events.streaming", "StreamedValue"),
    Kind("archsim.engine.events.streaming", "ValueOutlet"),
    Kind("archsim.engine.chunks", "Chunks"),
    Kind("archsim.engine.events.nmpu_tasks", "DigitalTask", calls=("finish",)),
    Kind("archsim.engine.events.part_tasks", "Grid"),
    Kind("archsim.engine.events.part_tasks", "OutputReturn"),
    Kind("archsim.engine.events.part_tasks", "PartTask", calls=("_is_read_out",)),
    Kind("archsim.engine.events.port_tasks", "PortBytes"),
    Kind("archsim.engine.events.port_tasks", "PortTask"),
    Kind("archsim.engine.events.nmpu_tasks", "ProductTask", calls=("finish",)),
    Kind("archsim.engine.events.port_tasks", "RecallTask"),
    Kind("archsim.engine.events.part_tasks", "RemotePartTask", calls=("_is_read_out",)),
    Kind("archsim.engine.events.part_tasks", "RoundTrip"),
    Kind("archsim.engine.events.stage_engine", "EngineAction"),
    Kind("archsim.engine.events.stage_engine", "OwnEngine"),
    Kind("archsim.engine.events.stage_engine", "StageEngineTask", calls=("finish",)),
    Kind("archsim.engine.events.occupancy", "Occupancy"),
    Kind("archsim.engine.events.programming", "ProgramTask"),
    Kind("archsim.engine.events.programming", "Programmer"),
    Kind("archsim.engine.events.rewriting", "WriteTask"),
    Kind("archsim.engine.events.rewriting", "WeightDelivery"),
    Kind("archsim.engine.events.transfers", "TransferMemoryTask", calls=("finish",)),
    Kind("archsim.engine.events.transfers", "TransferOperationsTask", calls=("finish",)),
    Kind("archsim.engine.events.transport", "Channel"),
    Kind("archsim.engine.events.transport", "Hop"),
    Kind("archsim.engine.events.transport", "Message", calls=("_advance", "_arrive")),
    Kind("archsim.engine.events.transport", "Transport"),
    Kind("archsim.engine.events.activation_transfer", "GradientTransfer"),
    Kind("archsim.engine.events.activation_transfer", "HostFeed"),
    Kind("archsim.engine.events.activation_transfer", "HostPort"),
    Kind("archsim.engine.events.activation_transfer", "ValueRoute"),
    Kind("archsim.engine.events.activation_transfer", "ActivationTransfer"),
    Kind("archsim.engine.events.activation_transfer", "_HostJob"),
    Kind("archsim.engine.numerics.untimed", "UntimedMachine"),
    Kind("archsim.schedule.actions", "Action"),
    Kind("archsim.schedule.pipeline_state", "PipelineState", rebuilt=("_receivers",)),
    Kind("archsim.schedule.state", "StageState", rebuilt=("_actions", "_rules", "_total", "next", "turns")),
    Kind("archsim.schedule.set_versions", "SetVersions"),
    # The numbers
    Kind("archsim.engine.numerics.coupling", "Numbers", rebuilt=_NUMBERS),
    Kind("archsim.engine.numerics.forward", "ForwardNumbers", rebuilt=_NUMBERS),
    Kind("archsim.engine.numerics.carried", "CarriedStates"),
    Kind("archsim.engine.numerics.discrepancy", "Discrepancies"),
    Kind("archsim.engine.numerics.discrepancy", "DiscrepancySeries"),
    Kind("archsim.engine.numerics.evaluations", "Evaluations"),
    Kind("archsim.engine.numerics.recurrence", "Recurrence"),
    Kind("archsim.engine.numerics.scoring", "Judged"),
    Kind("archsim.engine.numerics.lateness", "Lateness"),
    Kind("archsim.engine.numerics.stash", "Stash"),
    Kind("archsim.engine.numerics.stored", "Stored"),
    Kind("archsim.network.stationary", "MatrixSnapshot"),
    Kind("archsim.network.stationary", "MatrixState"),
    Kind("archsim.digital.input_range", "InputRangeState"),
    Kind("archsim.digital.input_range", "RangeMet"),
    # What was observed
    Kind("archsim.engine.observer", "Observer", rebuilt=("progress", "target")),
    Kind("archsim.results.learning", "LearningCurve"),
    Kind("archsim.results.learning", "LearningPoint"),
    Kind("archsim.results.tally", "Tally"),
    Kind("archsim.results.timeline", "Timeline", rebuilt=("spill",)),
    Kind("archsim.results.timeline", "Unit"),
    # All of it
    Kind("archsim.engine.checkpoint.writer", "_Stored"),
)


@cache
def kinds_by_name() -> Mapping[str, Kind]:
    """Return the list by module and name."""
    return MappingProxyType({kind.full_name: kind for kind in KINDS})


def kind_of(value: object) -> Kind | None:
    """Return the kind of an object; None if its class is not on the list."""
    return _kind_of_class(type(value))  # type: ignore[arg-type]


@cache
def _kind_of_class(found: type[Any]) -> Kind | None:
    kind = kinds_by_name().get(f"{found.__module__}.{found.__qualname__}")
    return kind if kind is not None and kind.load() is found else None
