"""Results on disk: content-addressed .npz files, written whole or not at all."""

import contextlib
import os
import tempfile
import threading
import zipfile
import zlib
from pathlib import Path

import platformdirs

from analysis.codec import Stored, decode
from analysis.errors import NerveScopeError

UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    NotImplementedError,  # a damaged zip header can ask for any method
    zipfile.BadZipFile,
    zlib.error,
)


class StoreError(NerveScopeError):
    """The store's folder cannot be written."""


def default_root() -> Path:
    """Return the user's own store: the platform's cache folder."""
    return Path(platformdirs.user_cache_dir("nervescope", appauthor=False)) / "results"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step: under another name beside it, then renamed.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left then.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class ResultStore:
    """Finds results by key in several folders and writes to one.

    Parameters
    ----------
    root : Path
        The folder that is written; made when first needed.
    shipped : tuple of Path
        Further folders that are only read.
    """

    def __init__(self, root: Path, shipped: tuple[Path, ...] = ()) -> None:
        self.root = Path(root)
        self.shipped = tuple(Path(folder) for folder in shipped)
        self._unsaved: dict[str, bytes] = {}

    def path(self, key: str) -> Path:
        """Return where the result of this key is written."""
        return self.root / f"{key}.npz"

    def claim_path(self, key: str) -> Path:
        """Return where a process at work on this key says so."""
        return self.root / f"{key}.claim"

    def _places(self, key: str) -> list[Path]:
        return [folder / f"{key}.npz" for folder in (self.root, *self.shipped)]

    def has(self, key: str) -> bool:
        """Whether there is a file of this key, which need not be whole."""
        return key in self._unsaved or any(place.is_file() for place in self._places(key))

    def get(self, key: str, kind: type) -> Stored | None:
        """Read a result; a missing, cut-off, damaged or foreign file is a miss."""
        if (kept := self._unsaved.get(key)) is not None:
            return decode(kept, kind)
        for place in self._places(key):
            with contextlib.suppress(*UNREADABLE):
                return decode(place.read_bytes(), kind)
        return None

    def put(self, key: str, data: bytes) -> None:
        """Write a result in one step: to a temporary file beside it, then replace.

        Raises
        ------
        StoreError
            If the folder cannot be written or the disk is full.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_whole(self.path(key), data)
        except OSError as error:
            raise StoreError(self._unwritable(error)) from error

    def save_kept(self) -> int:
        """Try again to write what is held in memory; returns how much still is."""
        for key, data in list(self._unsaved.items()):
            with contextlib.suppress(StoreError):
                self.put(key, data)
                del self._unsaved[key]
        return len(self._unsaved)

    def keep(self, key: str, data: bytes) -> None:
        """Hold a result in memory that could not be written, so that nothing computed is lost."""
        self._unsaved[key] = data

    def why_unwritable(self) -> str | None:
        """Return why the store cannot be written, or None when it can."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                return None
        except OSError as error:
            return self._unwritable(error)

    def _unwritable(self, error: OSError) -> str:
        reason = error.strerror or str(error)
        return (
            f"{self.root}: results cannot be saved ({reason}). They are kept in memory until the "
            "program ends; free space or choose another folder with --store DIR"
        )
