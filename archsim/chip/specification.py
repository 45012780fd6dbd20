"""What a user says about a chip: its parts, their times, energies and areas, each with a source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification import Device, IOParameters, SingleReadIO, SoftBounds, UpdateParameters
from archsim.chip.arbitration import ArbitrationUnion, FirstComeFirstServed
from archsim.chip.common import Count, Leakage, Origin, no_time, nothing
from archsim.chip.interconnects.specification import InterconnectUnion
from archsim.chip.without_effect import refuse_beside_stage_engine
from archsim.digital.specification import ArithmeticSettings, ArithmeticUnion, Float32Settings
from archsim.notebook import facts_html, facts_text
from archsim.specification import (
    AreaConstant,
    Constant,
    EnergyConstant,
    Specification,
    TimeConstant,
    contradiction,
)
from archsim.units import Bytes, ClockField

__all__ = [
    "Adc",
    "BitArea",
    "BitEnergy",
    "Buffer",
    "Chip",
    "Dac",
    "Host",
    "Nmpu",
    "StageEngine",
    "Tile",
    "TileEnergy",
]

Bits = Annotated[int, Field(ge=2, le=16)]
#: As many as a network may have crossbars, whose random numbers are told apart.
Tiles = Annotated[int, Field(ge=1, le=2**20)]


class ByResolution(Specification):
    """What grows with a converter's resolution: fixed + per_step * 2**bits."""

    fixed: Constant[float]
    per_step: Constant[float]

    def parts(self, bits: int | None, name: str) -> dict[str, float]:
        """Return what each constant contributes at a resolution, by dotted name below `name`; without one, `fixed`."""
        found = {f"{name}.fixed": self.fixed.value}
        return found if bits is None else found | {f"{name}.per_step": self.per_step.value * 2**bits}


class BitEnergy(ByResolution):
    """An energy that grows with a converter's resolution: fixed + per_step * 2**bits."""

    fixed: EnergyConstant = Field(default_factory=nothing)
    per_step: EnergyConstant = Field(default_factory=nothing)


class BitArea(ByResolution):
    """An area that grows with a converter's resolution: fixed + per_step * 2**bits."""

    fixed: AreaConstant = Field(default_factory=nothing)
    per_step: AreaConstant = Field(default_factory=nothing)


class Dac(Specification):
    """The input converters of a tile: one per driven line.

    A conversion takes ``fixed_time + step_time * 2**(bits - 1)`` (pulse-width coding of the
    magnitude; the sign is coded separately). ``bits: null`` switches quantisation off.
    """

    bits: Bits | None = 7
    fixed_time: TimeConstant = Field(default_factory=no_time)
    step_time: TimeConstant = Field(default_factory=no_time)
    energy: BitEnergy = Field(default_factory=BitEnergy)
    area: BitArea = Field(default_factory=BitArea)


class Adc(Specification):
    """The output converters of a tile.

    ``per_tile`` converters are multiplexed over the read lines (one per line without it); one
    conversion takes ``fixed_time + step_time * 2**bits`` (ramp). ``bits: null`` switches
    quantisation off (the time is then ``fixed_time``).
    """

    bits: Bits | None = 9
    per_tile: Count | None = None
    fixed_time: TimeConstant = Field(default_factory=no_time)
    step_time: TimeConstant = Field(default_factory=no_time)
    energy: BitEnergy = Field(default_factory=BitEnergy)
    area: BitArea = Field(default_factory=BitArea)

    def on(self, rows: int, columns: int) -> int:
        """Return how many converters a tile has: ``per_tile``, or one for each line of its longer side.

        Both directions of reads share them.
        """
        return self.per_tile or max(rows, columns)


class TileEnergy(Specification):
    """Dynamic energy of a tile's analog part, by operation.

    Cell energies count the devices that are read or written at used rows and columns (see
    ``tile.cell_devices``). Resolutions are the DAC's, those of the integrator the ADC's.
    """

    cell_read: BitEnergy = Field(default_factory=BitEnergy)
    cell_write: BitEnergy = Field(default_factory=BitEnergy)
    coincidence: EnergyConstant = Field(default_factory=nothing)
    integration: BitEnergy = Field(default_factory=BitEnergy)
    write_row: BitEnergy = Field(default_factory=BitEnergy)
    write_column: BitEnergy = Field(default_factory=BitEnergy)


class Tile(Specification):
    """A crossbar with its converters and local control.

    A read takes DAC + ``integration_time`` + ADC (see `Dac`, `Adc`); consecutive reads overlap only
    if ``double_buffered``. An update takes ``update_fixed_time + phases * BL * pulse_time`` a vector.

    The energies of a cell, ``array_leakage`` and ``array_area`` are those of cells of ``cell_devices``
    devices (2: the figures are those of differential pairs). Devices are counted: a tile has, reads and
    writes as many as its cells and its training algorithm need, each at its share of these figures.
    ``area`` is the rest of the tile: all that ``array_area``, ``adc.area`` and ``dac.area`` do not state;
    likewise ``leakage``.
    """

    rows: Count
    columns: Count
    double_buffered: bool = False
    integration_time: TimeConstant = Field(default_factory=no_time)
    update_fixed_time: TimeConstant = Field(default_factory=no_time)
    pulse_time: TimeConstant = Field(default_factory=no_time)
    phases: Count = 1
    cell_devices: Count = 1
    energy: TileEnergy = Field(default_factory=TileEnergy)
    leakage: Leakage = Field(default_factory=Leakage)
    array_leakage: Leakage = Field(default_factory=Leakage)
    area: AreaConstant = Field(default_factory=nothing)
    array_area: AreaConstant = Field(default_factory=nothing)


class Nmpu(Specification):
    """Near-memory digital processing unit, shared by the tiles of a node.

    A job of n element operations takes ``pipeline_cycles + ceil(n / lanes)`` cycles. What a network computes outside of
    crossbars is computed in its ``arithmetic``.
    """

    clock: ClockField
    lanes: Count
    pipeline_cycles: Annotated[int, Field(ge=0)] = 0
    arithmetic: ArithmeticUnion = Float32Settings()
    timing: Origin = Field(default_factory=Origin)
    multiply_add: EnergyConstant = Field(default_factory=nothing)
    activation: EnergyConstant = Field(default_factory=nothing)
    leakage: Leakage = Field(default_factory=Leakage)
    area: AreaConstant = Field(default_factory=nothing)


class Buffer(Specification):
    """The SRAM of a node: capacity with back-pressure, and one port of a given width."""

    capacity: Bytes | None = None
    element_bits: Literal[8, 16, 32] = 16
    clock: ClockField
    bytes_per_cycle: Count
    timing: Origin = Field(default_factory=Origin)
    read_byte: EnergyConstant = Field(default_factory=nothing)
    write_byte: EnergyConstant = Field(default_factory=nothing)
    leakage: Leakage = Field(default_factory=Leakage)
    area: AreaConstant = Field(default_factory=nothing)


class Host(Specification):
    """The port through which samples enter the chip; ``prefetch`` blocks may wait at the first stage."""

    clock: ClockField
    bytes_per_cycle: Count
    latency_cycles: Annotated[int, Field(ge=0)] = 0
    timing: Origin = Field(default_factory=Origin)
    prefetch: Count = 2
    byte: EnergyConstant = Field(default_factory=nothing)


class StageEngine(Specification):
    """An abstract stage: a whole forward, backward or update of a stage takes a given time.

    All else on such a chip takes no time and no energy: the textbook pipeline. What a network computes outside of
    crossbars is computed in its ``arithmetic``.
    """

    forward: TimeConstant
    backward: TimeConstant
    update: TimeConstant
    arithmetic: ArithmeticUnion = Float32Settings()


#: Parts that a chip cannot do without, each with the least that may be said of it.
_SMALLEST_PARTS = {
    "nmpu": "{clock: 1 GHz, lanes: 64}",
    "buffer": "{clock: 1 GHz, bytes_per_cycle: 64}",
    "interconnect": "{clock: 1 GHz, bytes_per_cycle: 32}",
    "host": "{clock: 1 GHz, bytes_per_cycle: 64}",
}


class Chip(Specification):
    """A multi-tile chip.

    ``tiles`` is ``auto`` (as many nodes as the mapping needs) or a number of tiles; ``node_tiles``
    tiles share a node's NMPU, buffer and router.
    """

    name: str
    description: str = ""
    tiles: Literal["auto"] | Tiles = "auto"
    node_tiles: Count = 1
    node_nm: Annotated[float, Field(gt=0)] | None = None
    tile: Tile
    dac: Dac = Field(default_factory=Dac)
    adc: Adc = Field(default_factory=Adc)
    device: Device = Field(default_factory=SoftBounds)
    io: IOParameters = Field(default_factory=IOParameters)
    backward_io: SingleReadIO | None = None
    update: UpdateParameters = Field(default_factory=UpdateParameters)
    stage_engine: StageEngine | None = None
    nmpu: Nmpu | None = None
    buffer: Buffer | None = None
    interconnect: InterconnectUnion | None = None
    arbitration: ArbitrationUnion = Field(default_factory=FirstComeFirstServed)
    host: Host | None = None

    @property
    def arithmetic(self) -> ArithmeticSettings:
        """In which numbers is computed what is not computed on crossbars."""
        unit = self.nmpu if self.stage_engine is None else self.stage_engine
        return Float32Settings() if unit is None else unit.arithmetic

    def __repr__(self) -> str:
        return facts_text("Chip", self.name, self._facts())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return facts_html("Chip", self.name, {"description": self.description, **self._facts()})

    def _facts(self) -> dict[str, str]:
        """Return the few facts by which a chip is known."""
        tiles = self.tiles if isinstance(self.tiles, int) else "as many as needed"
        found = {"tiles": f"{tiles} of {self.tile.rows} x {self.tile.columns} cells", "device": self.device.kind}
        found |= {name: f"{c.bits} bits" if c.bits else "exact" for name, c in (("DAC", self.dac), ("ADC", self.adc))}
        if self.nmpu is not None:
            found["digital unit"] = f"{self.nmpu.lanes} lanes"
        return found

    @model_validator(mode="after")
    def _parts_are_there(self) -> Chip:
        self._numbers_fit_the_buffer()
        if self.stage_engine is not None:
            refuse_beside_stage_engine({name: getattr(self, name) for name in ("tile", "dac", "adc", *_SMALLEST_PARTS)})
            return self
        missing = [part for part in _SMALLEST_PARTS if getattr(self, part) is None]
        if missing:
            lines = "".join(f"\n    {part}: {_SMALLEST_PARTS[part]}" for part in missing)
            raise contradiction(
                f"a chip needs the section{'s' if len(missing) > 1 else ''} {', '.join(missing)}, "
                "or a stage_engine that stands for all of them",
                remedy=f"add to this section, with numbers of your chip (their energies, areas and leakage are 0 until "
                f"you give them):{lines}",
            )
        return self

    def _numbers_fit_the_buffer(self) -> None:
        """Refuse words of the digital unit that are wider than the buffer's: bytes would be counted too low."""
        needed = self.arithmetic.stored_bits
        if self.buffer is None or needed is None or needed <= self.buffer.element_bits:
            return
        kind = self.arithmetic.kind
        wide = next((bits for bits in (8, 16, 32) if bits >= needed), None)
        raise contradiction(
            f"words of {needed} bits, which nmpu.arithmetic ({kind}) computes, do not fit the "
            f"{self.buffer.element_bits} bits of a number in buffers and on links",
            field="chip.buffer.element_bits",
            remedy=f"set it to {wide}, or take narrower words",
        )
