"""What commands say on standard error: messages and progress."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.experiment import Experiment
from analysis.text import shown


def stderr() -> Console:
    """Return standard error, without colours guessed from what is said."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: object) -> None:
    """Print one message, as it is."""
    stderr().print(f"nervescope: {shown(str(message))}", markup=False)


def tell_problems(experiment: Experiment) -> None:
    """Name the files of an experiment that could not be used."""
    for problem in experiment.problems:
        say(f"{problem.path}: {problem.reason}")


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar on standard error; yields what tells it how far it is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = stderr()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total, description=message.replace("[", r"\["))

        yield advance
