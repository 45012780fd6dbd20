"""The numbers behind the events: each layer computes at the moment at which its tile is granted.

Nobody injects staleness here. A stage keeps what it stored at F (inputs, outputs, errors); everything
else is read from the matrices as they are when they are asked.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from archsim.analog.observed import Counts, Read
from archsim.delays import Late
from archsim.engine.numerics.array_checks import checked_counts, checked_read
from archsim.engine.numerics.carried import CarriedStates
from archsim.engine.numerics.digital_steps import DigitalSteps
from archsim.engine.numerics.discrepancy import Discrepancies
from archsim.engine.numerics.evaluations import Evaluations
from archsim.engine.numerics.held import Holders
from archsim.engine.numerics.lateness import Lateness
from archsim.engine.numerics.missing import refuse_action
from archsim.engine.numerics.numeric_parts import NumericParts
from archsim.engine.numerics.rules import Rule
from archsim.engine.numerics.stash import Stash
from archsim.engine.numerics.stored import Stored
from archsim.engine.program import HOST, Edge
from archsim.engine.setup import Setup
from archsim.engine.steps import CopyStep, DigitalStep, MatrixStep
from archsim.engine.work import Evaluation
from archsim.network.logic import held_inputs
from archsim.network.losses import checked_loss
from archsim.schedule.actions import Action

__all__ = ["Numbers"]

#: Cells times vectors below which handing parts to threads costs more than it gains.
_WORTH_SHARING = 2**19
#: Learning rates that are looked up again instead of computed.
_RATES = 64


class Numbers:
    """Computes what the stages of a pipeline compute.

    Parameters
    ----------
    setup : Setup
        What the stages do, and in which order.
    parts : NumericParts
        What it is computed with.
    """

    __slots__ = (
        "_carried",
        "_copying",
        "_digital",
        "_evaluations",
        "_evaluator",
        "_holders",
        "_lateness",
        "_learning_rate",
        "_loss_scale",
        "_matrices_of",
        "_newest",
        "_ready",
        "_releasing",
        "_stored",
        "_unaged",
        "_updated",
        "_workers",
        "discrepancies",
        "feed",
        "graph",
        "logic",
        "programs",
        "schedule",
        "sets",
        "settings",
        "shape",
    )

    def __init__(self, setup: Setup, parts: NumericParts) -> None:
        self.graph = parts.graph
        self.programs = setup.programs
        self.logic = parts.logic
        self.sets = parts.sets
        self.feed = parts.feed
        self.schedule = setup.schedule
        self.shape = setup.schedule.shape
        self.settings = parts.learning
        self._evaluator = parts.evaluator
        self._loss_scale = np.float32(1 / parts.learning.averaged_over)
        self._stored: list[dict[int, Stored]] = [{} for _ in setup.programs]
        self._matrices_of = [
            tuple(dict.fromkeys(step.matrix for step in program.matrix_steps)) for program in setup.programs
        ]
        self._evaluations = Evaluations(parts.evaluator, self.shape, parts.learning.evaluate_every, parts.feed.samples)
        #: Of each part of a matrix, the mini-batch that ends for its devices with transfers that are yet to come.
        self._unaged: dict[tuple[str, int], int] = {}
        # Parts computed ahead within one moment.
        self._ready: dict[tuple[str, int], Read] = {}
        self._updated: dict[tuple[str, int], Counts] = {}
        self._workers = parts.workers
        self._lateness = Lateness(self.shape, len(parts.sets))
        self._copying = parts.copying
        #: Of each layer, the set with its newest digital numbers.
        self._newest: dict[str, int] = {}
        self.discrepancies = Discrepancies.wanted(parts.learning.discrepancy_every, setup.programs)
        self._carried = CarriedStates(self.shape.micro_batches, parts.feed.per_epoch)
        self._look_up()

    def restored(self) -> None:
        """Look up what is not stored because it follows from the rest."""
        self._look_up()

    def _look_up(self) -> None:
        """Note what every sample asks for again."""
        self._releasing = self.schedule.releasing
        self._digital = tuple(
            DigitalSteps(
                self.graph, self.logic, held.matrices, held.parameters, self._carried, training=self.schedule.trains
            )
            for held in self.sets
        )
        self._learning_rate = lru_cache(_RATES)(self.settings.learning_rate)
        #: Who holds weights or parameters at each stage, and for each of its layers, in each set.
        self._holders = [
            [Holders(program, self.graph, held.matrices, held.parameters) for program in self.programs]
            for held in self.sets
        ]

    def _set_of(self, micro_batch: int) -> int:
        """Return the set of crossbars that a micro-batch reads and changes: mini-batches take turns."""
        return micro_batch // self.shape.micro_batches % len(self.sets)

    def _digital_of(self, micro_batch: int) -> DigitalSteps:
        """Return what does digital steps with the weights of a micro-batch's set."""
        return self._digital[micro_batch // self.shape.micro_batches % len(self._digital)]

    @property
    def computes(self) -> bool:
        """Yes."""
        return True

    @property
    def newest(self) -> dict[str, int]:
        """The set with the newest version of each matrix, and of what digital units hold for each layer."""
        newest = self._lateness.newest_set
        return {name: newest(stage) for stage, held in enumerate(self._holders[0]) for name in held.all}

    def begin(self, stage: int, action: Action) -> None:
        """Fetch the samples when a stage starts on them; note which weights they meet, and which change."""
        kind = self.schedule.kinds[action.kind]
        if kind.updates_weights:
            self._lateness.update(stage, action)
        if kind.awaits == "values":
            self._lateness.forward(stage, action.micro_batch)
            stored = self._store(stage, action.micro_batch)
            for edge in self.programs[stage].imports:
                if edge.source == HOST:
                    inputs = self.feed.inputs(action.micro_batch)
                    stored.begin(self.logic.arithmetic, Rule.INPUT)
                    stored.values[edge.name] = held_inputs(self.graph, inputs, self.logic.arithmetic)

    def prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        """Compute several parts side by side, for `read` or `update` to take; see `Work.prepare`."""
        try:
            self._prepare(stage, step, parts, action)
        except KeyError as missing:
            refuse_action(missing, stage, self._stored[stage], action.micro_batches, self.schedule)

    def _prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        cells = sum(block.rows * block.columns for block in step.placement.blocks)
        vectors = self.feed.samples * step.vectors * action.count
        if self._workers.threads == 1 or cells * vectors < _WORTH_SHARING:
            return
        if step.phase == "T":
            return
        digital = self._digital_of(action.micro_batch)
        for micro_batch in action.micro_batches:  # Once, instead of by every thread.
            stored, held = self._stored[stage][micro_batch], digital.held[step.matrix]
            if step.phase == "U":
                digital.vectors(stored, held)
            else:
                digital.read_vectors(stored, held, step)
        names = [(step.matrix, part) for part in parts]
        if step.phase == "U":
            done = self._workers.map(lambda part, _: self._update(stage, step, part, action), [(p, p) for p in parts])
            self._updated.update(zip(names, done, strict=True))
        else:
            k = action.micro_batch
            reads = self._workers.map(lambda part, _: self._read(stage, step, part, k), [(p, p) for p in parts])
            self._ready.update(zip(names, reads, strict=True))

    def read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> int:
        """Read a part on the conductances that it holds now; see `Work.read`."""
        try:
            stored = self._stored[stage][micro_batch]
            read = self._ready.pop((step.matrix, part), None) if self._ready else None
            if read is None:
                read = self._read(stage, step, part, micro_batch)
        except KeyError as missing:
            refuse_action(missing, stage, self._stored[stage], (micro_batch,), self.schedule)
        parts = stored.parts.get(step.matrix)
        if parts is None:
            parts = stored.parts[step.matrix] = [read.values] * len(step.placement.blocks)
        parts[part] = read.values
        if self.discrepancies is not None:
            held = self._digital_of(micro_batch).held[step.matrix].holder
            self.discrepancies.read(step, part, micro_batch, held, stored.stash)
        return read.reads

    def update(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        """Update a part by the stored inputs and errors, micro-batch after micro-batch."""
        done = self._updated.pop((step.matrix, part), None) if self._updated else None
        try:
            done = self._update(stage, step, part, action) if done is None else done
        except KeyError as missing:
            refuse_action(missing, stage, self._stored[stage], action.micro_batches, self.schedule)
        self._evaluations.pulsed(step.matrix, done.pulses)
        return done

    def transfer(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        """Do the transfers of a part that are due, and what waited for them."""
        held = self._digital_of(action.micro_batch).held[step.matrix]
        matrix, rate = held.holder, self._rate(stage, action.micro_batch) * held.factor
        counts = checked_counts(matrix.transfer_part(part, rate), matrix, part, "transfer")
        if (ended := self._unaged.pop((step.matrix, part), None)) is not None:
            counts += checked_counts(matrix.end_mini_batch(part, ended), matrix, part, "end_mini_batch")
        self._evaluations.pulsed(step.matrix, counts.pulses)
        return counts

    def copy(self, stage: int, step: CopyStep, part: int, action: Action) -> None:
        """Copy a part from the set of crossbars that other mini-batches use onto that of this one."""
        own = self._set_of(action.micro_batch)
        target, source = self.sets[own].matrices[step.matrix], self.sets[own - 1].matrices[step.matrix]
        target.copy_part(part, source, self._copying, action.micro_batch // self.shape.micro_batches)

    def digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        """Do a step of the near-memory unit."""
        try:
            self._do_digital(stage, step, action)
        except KeyError as missing:
            refuse_action(missing, stage, self._stored[stage], action.micro_batches, self.schedule)

    def _do_digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        if step.phase == "F":
            self._forward(self._stored[stage][action.micro_batch], step, action.micro_batch)
        elif step.phase == "B":
            self._digital_of(action.micro_batch).backward(self._stored[stage][action.micro_batch], step)
        elif step.prepare is not None:
            self._take_over(step.prepare, self._set_of(action.micro_batch))
            for micro_batch in action.micro_batches:
                digital, late = self._digital_of(micro_batch), self._late(stage, micro_batch)
                self._clip(self._stored[stage][micro_batch], step.prepare, digital, late)
                ends = self.shape.ends_mini_batch(micro_batch)
                rate = self._rate(stage, micro_batch)
                digital.update(self._stored[stage][micro_batch], step.prepare, rate, late, ends=ends)

    def _take_over(self, layer: str, own: int) -> None:
        """Let the digital numbers of a layer that are about to be updated be the newest ones."""
        newest = self._newest.get(layer, own)
        if newest != own:
            matrices = tuple(held.matrix.name for held in self._digital[own].layers.get(layer, ()))
            self.sets[own].take_over(layer, matrices, self.sets[newest])
        self._newest[layer] = own

    def _clip(self, stored: Stored, layer: str, digital: DigitalSteps, late: Late) -> None:
        """Clip the errors that are about to drive the updates of a layer's matrices, if that is asked for."""
        clipping = self.settings.descent.clipping
        if clipping is None:
            return
        bound = clipping.limit * late.bound / self.settings.averaged_over
        for held in digital.layers.get(layer, ()):
            name, vectors = held.matrix.name, digital.vectors(stored, held)
            stored.begin(self.logic.arithmetic, Rule.CLIP, digital.indices[name])
            stored.errors[name] = held.holder.clipped_errors(stored.errors[name], vectors, bound, clipping)

    def deliver(self, edge: Edge, micro_batch: int) -> None:
        """Hand a value over to the stage that needs it."""
        target = self._store(edge.target, micro_batch)
        target.values[edge.name] = self._stored[edge.source][micro_batch].values[edge.name]

    def deliver_gradient(self, edge: Edge, micro_batch: int) -> None:
        """Hand a gradient back to the stage that made the value."""
        if edge.gradient:
            target, source = self._stored[edge.target], self._stored[edge.source]
            self._digital_of(micro_batch).return_gradient(edge, target[micro_batch], source[micro_batch])

    def layer_ended(self, layer: str, action: Action) -> None:
        """Keep the weights of a layer that may go on before the rest of its stage has been updated."""
        kind = self.schedule.kinds[action.kind]
        if kind.updates_weights or kind.transfers:
            last = action.micro_batch if kind.updates_weights else None
            for holders in self._holders[self._set_of(action.micro_batch)]:
                self._evaluations.layer_updated(holders.of_layer.get(layer, {}), last)

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Drop what is no longer needed; keep the weights after an update if an evaluation is due."""
        if action.kind == self._releasing:
            for micro_batch in action.micro_batches:
                del self._stored[stage][micro_batch]
            self._lateness.release(stage, action)
        kind, ended = self.schedule.kinds[action.kind], []
        if kind.transfers:
            ended = self._evaluations.transferred(stage)
        elif kind.updates_weights:
            ended = self._evaluations.updated(stage, action.micro_batch, waits=self._waits_for_transfers(stage, action))
        holders = self._holders[self._set_of(action.micro_batch)][stage].all
        return [found for mini_batch in ended for found in self._evaluations.keep(mini_batch, holders)]

    def _waits_for_transfers(self, stage: int, action: Action) -> bool:
        matrices = self.sets[self._set_of(action.micro_batch)].matrices
        return self.schedule.transfers_apart and any(matrices[name].due for name in self._matrices_of[stage])

    def _store(self, stage: int, micro_batch: int) -> Stored:
        found = self._stored[stage].get(micro_batch)
        if found is None:
            first = self.feed.first_sample(micro_batch)
            found = self._stored[stage][micro_batch] = Stored(first, self.feed.samples)
            if self.schedule.stashes:
                found.stash = Stash()
        return found

    def _read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> Read:
        stored = self._stored[stage][micro_batch]
        digital = self._digital_of(micro_batch)
        held = digital.held[step.matrix]
        first = held.matrix.first_vector(self.feed.first_sample(micro_batch), step.time_step)
        matrix, cut = held.holder, step.placement.blocks[part]
        x = digital.read_vectors(stored, held, step)
        # A place of its own for each time step; parts of a matrix may be read side by side.
        place = digital.indices[step.matrix], part, step.time_step or 0
        stored.begin(self.logic.arithmetic, Rule.READ_FORWARD if step.phase == "F" else Rule.READ_BACKWARD, *place)
        met = None if stored.stash is None else stored.stash.weights
        if step.phase == "F":
            if met is not None:
                met[step.matrix, part] = matrix.part_weights(part)
            read = checked_read(matrix.forward_part(part, x, first), matrix, part, "forward", (len(x), cut.columns))
            if (reach := matrix.range_met(part)) is not None:
                stored.ranges[step.matrix, part] = reach
            return read
        seen = None if met is None else met[step.matrix, part]
        return checked_read(matrix.backward_part(part, x, first, seen), matrix, part, "backward", (len(x), cut.rows))

    def _update(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        digital = self._digital_of(action.micro_batch)
        held = digital.held[step.matrix]
        holder = held.holder
        update, counts = holder.apply_gradients_part if step.apart else holder.update_part, Counts()
        for micro_batch in action.micro_batches:
            stored, late = self._stored[stage][micro_batch], self._late(stage, micro_batch)
            rate = self._rate(stage, micro_batch) * held.factor
            ends = self.shape.ends_mini_batch(micro_batch)
            if ends and self.settings.corrects_momentum:
                holder.expect_late(part, late.steps)
            first = held.matrix.first_vector(self.feed.first_sample(micro_batch))
            vectors = digital.vectors(stored, held)
            stored.begin(self.logic.arithmetic, Rule.UPDATE, digital.indices[step.matrix], part)
            reach = stored.ranges.get((step.matrix, part))
            done = update(part, vectors, stored.errors[step.matrix], rate, first, reach)
            done = checked_counts(done, holder, part, "update")
            done.vectors = len(vectors) if step.pulsed else 0
            counts += done
            if ends:
                holder.take_step(part, rate, late)
        mini_batch, left = divmod(action.micro_batch + 1, self.shape.micro_batches)
        if left:
            return counts
        for ended in self._ageing(step, part, mini_batch - 1, due=step.apart and holder.part_due(part)):
            counts += checked_counts(holder.end_mini_batch(part, ended), holder, part, "end_mini_batch")
        return counts

    def _ageing(self, step: MatrixStep, part: int, ended: int, *, due: bool) -> list[int]:
        """Return the mini-batches that end now for the devices of a part: what waits for a T, does so for one."""
        waited = self._unaged.pop((step.matrix, part), None)
        found = [] if waited is None else [waited]
        if due:
            self._unaged[step.matrix, part] = ended
            return found
        return [*found, ended]

    def _rate(self, stage: int, micro_batch: int) -> float:
        return self._learning_rate(micro_batch // self.shape.micro_batches, self._lateness.of(stage, micro_batch))

    def _late(self, stage: int, micro_batch: int) -> Late:
        """Return what becomes of a gradient because it comes late, beside its learning rate."""
        return self._lateness.late(stage, micro_batch, self.settings.compensation)

    def _forward(self, stored: Stored, step: DigitalStep, micro_batch: int) -> None:
        self._digital_of(micro_batch).forward(stored, step)
        if step.loss:
            output = self.graph.nodes[-1].name
            outputs = stored.values[output]
            stored.begin(self.logic.arithmetic, Rule.LOSS)
            found = self.logic.loss.of(outputs, self.feed.targets(micro_batch))
            loss, gradient = checked_loss(found, outputs, self.graph.loss)
            self._evaluations.lost(micro_batch, loss)
            stored.gradients[output] = self.logic.arithmetic.backward.multiply(gradient, self._loss_scale)
