"""What surrounds a run beside its experiment: data at hand, who watches it, where it is kept, what joins it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archsim.data import DataSet
from archsim.engine.events.external import Component
from archsim.engine.observer import Progress
from archsim.errors import InputError
from archsim.experiment import Experiment

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a caller says about a run; see `archsim.simulate`.

    Attributes
    ----------
    data : DataSet or None
        Data in place of what the experiment names.
    progress : callable or None
        Called with a `Progress` after every mini-batch.
    workspace : Path or None
        Folder for checkpoints and for a timeline too long for memory.
    resume : bool
        Whether to go on from the newest checkpoint there.
    interrupted : callable or None
        Asked between events; where it says True, the run stops there.
    components : mapping of str to Component
        Generator processes from outside that join the run, by name.
    """

    data: DataSet | None = None
    progress: Callable[[Progress], None] | None = None
    workspace: Path | None = None
    resume: bool = False
    interrupted: Callable[[], bool] | None = None
    components: Mapping[str, Component] = field(default_factory=dict)

    @property
    def callbacks(self) -> tuple[object, ...]:
        """What the caller wrote for this run: its errors are the caller's own."""
        return (self.progress, self.interrupted, *self.components.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a run with components from outside says of them."""
        return tuple(
            f"component '{name}' took part in this run: its document alone does not make it again"
            for name in self.components
        )

    def check(self, experiment: Experiment) -> None:
        """Refuse components from outside in a run that is to be stored.

        Raises
        ------
        InputError
            With the name of the component.
        """
        every = experiment.run.checkpoint_every
        for name in self.components if every is not None or self.resume else ():
            raise InputError(
                f"component '{name}' is a generator process, whose state cannot be stored: "
                "a run with it has no checkpoints",
                field="resume" if every is None else "run.checkpoint_every",
                value=every or self.resume,
                remedy=f"leave out run.checkpoint_every and resume, or run without '{name}'",
            )

    def check_without_clock(self) -> None:
        """Refuse components from outside in a run without a clock.

        Raises
        ------
        InputError
            With the name of the component.
        """
        for name in self.components:
            raise InputError(
                f"component '{name}' joins a run with a clock, and this one has none",
                field="components",
                allowed="components in mode timing or coupled, with mini-batches to run",
            )
