"""Lists of different lengths in two flat arrays, so that results need no object arrays."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Integer lists of different lengths.

    Attributes
    ----------
    values : ndarray of int64, shape (offsets[-1],)
        All lists, one after the other.
    offsets : ndarray of int64, shape (n + 1,)
        List ``i`` is ``values[offsets[i]:offsets[i + 1]]``.
    """

    values: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that the offsets cover the values, in order.

        Raises
        ------
        ValueError
            If they do not.
        """
        offsets = self.offsets
        ordered = offsets.ndim == 1 and len(offsets) > 0 and bool(np.all(np.diff(offsets) >= 0))
        if not ordered or offsets[0] != 0 or offsets[-1] != len(self.values):
            msg = f"offsets must rise from 0 to {len(self.values)}, got {offsets!r}"
            raise ValueError(msg)

    @classmethod
    def of(cls, lists: Iterable[Iterable[int]]) -> Self:
        """Build from any iterable of integer iterables."""
        arrays = [np.asarray(list(part), dtype=np.int64) for part in lists]
        offsets = np.zeros(len(arrays) + 1, dtype=np.int64)
        np.cumsum([len(a) for a in arrays], out=offsets[1:])
        values = np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
        return cls(values, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> NDArray[np.int64]:
        if not 0 <= i < len(self):
            msg = f"list {i} of {len(self)}"
            raise IndexError(msg)
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return (self[i] for i in range(len(self)))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of each list, shape (n,)."""
        return np.diff(self.offsets)
