"""The space of a buffer that several stages share."""

from __future__ import annotations

from archsim.chip.components import BufferLevel, Claimant, Gauge

__all__ = ["SharedSpace", "SpaceShare"]


class SharedSpace(BufferLevel):
    """Space of which each share is guaranteed a part; the rest is for whoever asks first.

    Without guarantees one stage could fill a buffer with inputs that wait for their turn, and so starve another stage
    of the same place whose outputs it waits for.

    Parameters
    ----------
    name, capacity, gauge, held
        As of `archsim.chip.components.BufferLevel`.
    """

    __slots__ = ("_shares", "_waiting")

    def __init__(self, name: str, capacity: int | None, gauge: Gauge | None = None, held: int = 0) -> None:
        super().__init__(name, capacity, gauge, held)
        self._shares: list[SpaceShare] = []
        self._waiting: list[tuple[int, Claimant, SpaceShare]] = []

    def share(self, guaranteed: int, held: int = 0) -> SpaceShare:
        """Return a share of it that can always hold so many bytes, beside its own of those that are held."""
        share = SpaceShare(self, guaranteed, held)
        self._shares.append(share)
        return share

    def claim(self, size_bytes: int, claimant: Claimant, share: SpaceShare) -> None:
        """Reserve space for a share; see `archsim.chip.components.BufferSpace`."""
        if share.waiting or not self._fits(size_bytes, share):
            share.waiting += 1
            self._waiting.append((size_bytes, claimant, share))
        else:
            self._take(size_bytes, share)
            claimant.admitted(False)

    def release(self, size_bytes: int, share: SpaceShare) -> None:
        """Give space back and admit those who can now go on, in the order of their claims."""
        share.used -= size_bytes
        self._change(-size_bytes)
        while (position := self._first_that_fits()) is not None:
            size, claimant, admitted = self._waiting.pop(position)
            admitted.waiting -= 1
            self._take(size, admitted)
            claimant.admitted(True)

    def _first_that_fits(self) -> int | None:
        """Return the first claim that fits; no claim of a share passes an earlier one of the same share."""
        blocked: list[SpaceShare] = []
        for position, (size, _, share) in enumerate(self._waiting):
            if share in blocked:
                continue
            if self._fits(size, share):
                return position
            blocked.append(share)
        return None

    def _fits(self, size_bytes: int, share: SpaceShare) -> bool:
        if self.capacity is None:
            return True
        kept_free = sum(max(other.guaranteed - other.used, 0) for other in self._shares if other is not share)
        return self.held + self.used + kept_free + size_bytes <= self.capacity

    def _take(self, size_bytes: int, share: SpaceShare) -> None:
        share.used += size_bytes
        share.peak = max(share.peak, share.held + share.used)
        self._change(size_bytes)


class SpaceShare:
    """What one stage sees of a shared space; it stands in the place of a `archsim.chip.components.BufferSpace`.

    Attributes
    ----------
    whole : SharedSpace
        What it is a share of.
    guaranteed : int
        Bytes that nobody else can take.
    held : int
        Bytes that the stage has from the beginning to the end.
    used, peak, waiting : int
        Bytes claimed now beside those held, most of both at a time, and claims that wait.
    """

    __slots__ = ("guaranteed", "held", "peak", "used", "waiting", "whole")

    def __init__(self, whole: SharedSpace, guaranteed: int, held: int = 0) -> None:
        self.whole = whole
        self.guaranteed = guaranteed
        self.held = self.peak = held
        self.used = self.waiting = 0

    @property
    def name(self) -> str:
        """The name of the buffer."""
        return self.whole.name

    @property
    def capacity(self) -> int | None:
        """The capacity of the buffer."""
        return self.whole.capacity

    def claim(self, size_bytes: int, claimant: Claimant) -> None:
        """Reserve space; the claimant is told at once or when enough has been released."""
        self.whole.claim(size_bytes, claimant, self)

    def release(self, size_bytes: int) -> None:
        """Give space back.

        Raises
        ------
        RuntimeError
            If more is given back than was claimed.
        """
        if size_bytes > self.used:
            raise RuntimeError(f"{self.name} is given back {size_bytes} B, but only {self.used} B are claimed")
        self.whole.release(size_bytes, self)
