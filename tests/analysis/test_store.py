import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis import claims
from analysis.codec import decode, digest, encode
from analysis.ragged import Ragged
from analysis.store import ResultStore, StoreError


@dataclass(frozen=True, slots=True, eq=False)
class Inner:
    parts: Ragged
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Outer:
    values: NDArray[np.float32]
    inner: Inner
    maybe: Inner | None
    size: tuple[int, int]
    share: float
    word: str | None


def example(*, maybe: bool = False) -> Outer:
    inner = Inner(Ragged.of([[1, 2], [], [3]]), "a/b \u2581")
    return Outer(np.arange(3, dtype=np.float32), inner, inner if maybe else None, (3, 3), 0.1, None)


@pytest.mark.parametrize("maybe", [False, True])
def test_a_result_comes_back_as_it_was(*, maybe: bool) -> None:
    stored = decode(encode(example(maybe=maybe), {"seed": 1}), Outer)
    result = stored.result
    assert isinstance(result, Outer)
    np.testing.assert_array_equal(result.values, example().values)
    assert result.values.dtype == np.float32
    assert [part.tolist() for part in result.inner.parts] == [[1, 2], [], [3]]
    assert (result.maybe is not None) is maybe
    assert (result.inner.label, result.size, result.share, result.word) == (
        "a/b \u2581",
        (3, 3),
        0.1,
        None,
    )
    assert stored.provenance == {"seed": 1}


def test_nothing_is_pickled() -> None:
    broken = Outer(np.array([{}], dtype=object), example().inner, None, (1, 1), 0.0, None)
    with pytest.raises(ValueError, match="Object arrays"):
        encode(broken, {})


def test_digest_ignores_the_order_of_keys_only() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_put_get_and_layers(tmp_path: Path) -> None:
    shipped = ResultStore(tmp_path / "shipped")
    shipped.put("k1", encode(example(), {}))
    store = ResultStore(tmp_path / "own", (tmp_path / "shipped",))
    assert store.get("k1", Outer) is not None
    assert store.get("k2", Outer) is None
    store.put("k2", encode(example(), {}))
    assert shipped.get("k2", Outer) is None
    assert [file.name for file in (tmp_path / "own").iterdir()] == ["k2.npz"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_cut_off_file_is_a_miss(tmp_path: Path, share: float) -> None:
    store = ResultStore(tmp_path)
    data = encode(example(), {})
    store.path("k").write_bytes(data[: int(len(data) * share)])
    assert store.get("k", Outer) is None


def test_a_damaged_file_is_a_miss_wherever_it_is_damaged(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    data = bytearray(encode(example(), {}))
    lost = 0
    for place in range(0, len(data), 7):
        damaged = data.copy()
        damaged[place] ^= 0xFF
        store.path("k").write_bytes(damaged)
        lost += store.get("k", Outer) is None
    assert lost > 0


def test_a_foreign_file_is_a_miss(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    np.savez(store.path("k"), something=np.arange(3))
    assert store.get("k", Outer) is None


def test_an_unwritable_store_says_so_and_loses_nothing(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a folder")
    store = ResultStore(place)
    with pytest.raises(StoreError, match="--store DIR"):
        store.put("k", encode(example(), {}))
    assert "--store DIR" in (store.why_unwritable() or "")
    store.keep("k", encode(example(), {}))
    assert store.get("k", Outer) is not None
    place.unlink()
    assert store.save_kept() == 0
    assert ResultStore(place).get("k", Outer) is not None


def test_a_full_disk_says_so_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultStore(tmp_path)

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left"):
        store.put("k", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_claim_keeps_others_off_until_released(tmp_path: Path) -> None:
    path = tmp_path / "k.claim"
    with claims.claim(path) as mine:
        assert mine
        assert claims.is_held(path)
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with claims.claim(path) as second:
            assert not second
        assert path.exists()
    assert not path.exists()


def test_the_claim_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "k.claim"
    code = (
        "import sys; from pathlib import Path; from analysis import claims\n"
        "held = claims.claim(Path(sys.argv[1])); held.__enter__(); import os; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert path.exists()
    assert not claims.is_held(path)
    with claims.claim(path) as mine:
        assert mine


def test_the_claim_of_another_host_holds_while_it_shows_signs_of_life(tmp_path: Path) -> None:
    path = tmp_path / "k.claim"
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere.example", "time": 0}))
    with claims.claim(path) as mine:
        assert not mine
    old = path.stat().st_mtime - claims.STALE - 5
    os.utime(path, (old, old))
    with claims.claim(path) as mine:
        assert mine


def test_a_claim_without_a_sign_of_life_is_taken_over_whoever_has_its_process_id(
    tmp_path: Path,
) -> None:
    path = tmp_path / "k.claim"
    path.write_text(json.dumps({"pid": 1, "host": socket.gethostname(), "time": 0}))
    assert claims.is_held(path)
    os.utime(path, (0, 0))
    with claims.claim(path) as mine:
        assert mine


def test_a_held_claim_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.02)
    path = tmp_path / "k.claim"
    with claims.claim(path):
        os.utime(path, (0, 0))
        time.sleep(0.3)
        assert time.time() - path.stat().st_mtime < 10


def test_a_broken_claim_does_not_block_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "k.claim"
    path.write_text('{"pid": "x"')
    old = path.stat().st_mtime - claims.STALE - 5
    os.utime(path, (old, old))
    with claims.claim(path) as mine:
        assert mine


def test_without_a_writable_folder_the_unit_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with claims.claim(tmp_path / "file" / "k.claim") as mine:
        assert mine
