"""Where assets and sample models are: in the checkout, or inside an installed wheel."""

from pathlib import Path

from analysis.errors import ExperimentError

HERE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Find the folder ``assets`` or ``sample_models``.

    Raises
    ------
    ExperimentError
        If the installation lacks it.
    """
    for place in (HERE.parent / "dashboard" / "_bundled" / name, HERE.parent / name):
        if place.is_dir():
            return place
    msg = f"{HERE.parent / name}: not there; install NerveScope again"
    raise ExperimentError(msg)
