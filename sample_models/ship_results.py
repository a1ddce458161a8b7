"""Computes the results that ship with the sample models: what the first screens show.

Run by `make samples` after a change of version or samples. Everything else is computed by the
dashboard when it is looked at; `tests/test_shipped_results.py` recomputes some of these.
"""

import shutil
import sys
from pathlib import Path

from analysis import registry
from analysis.experiment import Experiment, open_experiment
from analysis.scheduler import compute
from analysis.store import ResultStore
from analysis.units import Unit, plan, with_parts

HERE = Path(__file__).parent
FILTERS = ("face_resnet", "mnist_cnn")
ACTIVATIONS = ("disks_mlp", "mnist_mlp")
SHIPPED = (*FILTERS, *ACTIVATIONS)


def units(name: str) -> list[Unit]:
    """List the units of one experiment whose results ship.

    Mapper graphs of filters with their null models, and the study of networks that are stored
    whole; or the study of all networks, with the single layers of the first run at its last step.
    """
    experiment = open_experiment(HERE / name)
    if name in ACTIVATIONS:
        studies = _studies(experiment)
        first, last = [experiment.runs[0].name], [experiment.axis[-1]]
        return [*studies, *plan(experiment, "activation-cloud", runs=first, steps=last)]
    found = [*plan(experiment, "mapper"), *_studies(experiment)]
    for settings in registry.variants("filters", {}):
        found += plan(experiment, "filters", settings=settings)
    return found


def _studies(experiment: Experiment) -> list[Unit]:
    """List the tests, the study that they stand on, and the networks that it gathers."""
    tests = plan(experiment, "landscape-test")
    studies = [each.upstream for each in tests if each.upstream is not None]
    return [*with_parts(studies), *tests]


def main() -> None:
    """Replace the shipped results, or those of the experiments that are named."""
    for name in sys.argv[1:] or SHIPPED:
        folder = HERE / name / "results"
        shutil.rmtree(folder, ignore_errors=True)
        outcomes = compute(units(name), ResultStore(folder))
        if failed := [each.message for each in outcomes if each.state == "failed"]:
            sys.exit("\n".join(failed))
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {len(outcomes)} results, {size / 1e6:.2f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
