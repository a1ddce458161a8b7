import numpy as np
import pytest

from analysis.ragged import Ragged


def test_lists_come_back() -> None:
    lists = [[3, 1], [], [2]]
    ragged = Ragged.of(lists)
    assert [part.tolist() for part in ragged] == lists
    assert len(ragged) == 3
    assert ragged.lengths.tolist() == [2, 0, 1]
    assert len(Ragged.of([])) == 0


@pytest.mark.parametrize("i", [-1, 3])
def test_an_index_outside_is_refused(i: int) -> None:
    with pytest.raises(IndexError, match="of 3"):
        Ragged.of([[1], [2], [3]])[i]


@pytest.mark.parametrize("offsets", [[0, 2, 1], [1, 3], [0, 2], []])
def test_offsets_that_do_not_cover_the_values_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets must rise"):
        Ragged(np.arange(3), np.array(offsets, dtype=np.int64))
