"""Compiles every numba kernel once, so that none is compiled while somebody waits.

``python -m analysis.kernels`` fills the cache on disk; `make setup` calls it.
"""

import importlib
import pkgutil
import threading

import analysis

_READY = threading.Event()


def warm() -> None:
    """Run the `warm` function of every public module; from then on `ready` says True."""
    for module in pkgutil.iter_modules(analysis.__path__):
        if module.name.startswith("_") or module.name == "kernels":
            continue
        each = importlib.import_module(f"analysis.{module.name}")
        run = getattr(each, "warm", None)
        if run is not None:
            run()
    _READY.set()


def ready() -> bool:
    """Say whether this process has its kernels compiled and loaded."""
    return _READY.is_set()


def warm_umap() -> None:
    """Compile UMAP, so that the first worker that needs it does not spend half a minute on that."""
    import numpy as np

    from analysis.lenses import lens_values

    lens_values(np.random.default_rng(0).normal(size=(50, 3)), "umap")


if __name__ == "__main__":
    warm()
    warm_umap()
