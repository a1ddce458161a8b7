"""Computes the results that ship with the sample models: what the first screens show.

Run by `make samples` after a change of version or samples. Everything else is computed by the
dashboard when it is looked at; `tests/test_shipped_results.py` recomputes some of these.
"""

import shutil
import sys
from pathlib import Path

from analysis import registry
from analysis.experiment import open_experiment
from analysis.scheduler import compute
from analysis.store import ResultStore
from analysis.units import Unit, plan

HERE = Path(__file__).parent
SHIPPED = ("face_resnet", "mnist_cnn")


def units(name: str) -> list[Unit]:
    """List the units of one experiment whose results ship: with null models, Mapper of filters."""
    experiment = open_experiment(HERE / name)
    found = plan(experiment, "mapper")
    for settings in registry.variants("filters", {}):
        found += plan(experiment, "filters", settings=settings)
    return found


def main() -> None:
    """Replace the shipped results."""
    for name in SHIPPED:
        folder = HERE / name / "results"
        shutil.rmtree(folder, ignore_errors=True)
        outcomes = compute(units(name), ResultStore(folder))
        if failed := [each.message for each in outcomes if each.state == "failed"]:
            sys.exit("\n".join(failed))
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {len(outcomes)} results, {size / 1e6:.2f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
