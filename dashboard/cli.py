"""The `nervescope` command."""

import io
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.errors import NerveScopeError
from dashboard import commands, inspection
from dashboard.options import with_parameters
from dashboard.selection import Selection
from dashboard.serving import Serving
from dashboard.tables import Format
from dashboard.terminal import say

app = typer.Typer(
    help="See what a neural network learned, and when, as shapes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

ExperimentPath = Annotated[
    Path, typer.Argument(help="Folder of checkpoints, of runs, or one checkpoint file.")
]
Layers = Annotated[
    str | None, typer.Option(help="Comma-separated layer names. [default: all]", metavar="A,B")
]
Steps = Annotated[
    str | None,
    typer.Option(help="Comma-separated steps or milestones. [default: all]", metavar="0,200"),
]
Runs = Annotated[
    str | None, typer.Option(help="Comma-separated run names. [default: all]", metavar="A,B")
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Network that snapshots are loaded into; this code is run. [default: none, "
        "[architecture] in experiment.toml]",
        metavar="PACKAGE.MODULE:FACTORY",
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="Inputs that networks are shown: mnist, disks, photo_crops, a path, or openml:NAME, "
        "which is fetched. [default: [dataset] in experiment.toml]",
        metavar="NAME|PATH",
    ),
]
Store = Annotated[
    Path | None, typer.Option(help="Folder of results. [default: the user's cache folder]")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=256, help="Worker processes. [default: one per processor]")
]
Host = Annotated[str, typer.Option(help="Address to listen on. There is no password: beware.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")]


@app.command(epilog="Example: nervescope demo --no-open --port 8051")
def demo(
    *,
    store: Store = None,
    jobs: Jobs = None,
    host: Host = "127.0.0.1",
    port: Port = 8050,
    browser: Open = True,
) -> None:
    """Open the dashboard on the sample models."""
    commands.demo(Serving(store, jobs, host, port, browser))


@app.command(epilog="Example: nervescope serve runs/ --layers conv1,conv2 --k 100 --fraction 0.1")
@with_parameters
def serve(
    paths: Annotated[list[Path], typer.Argument(help="Experiments, or folders of experiments.")],
    *,
    layers: Layers = None,
    steps: Steps = None,
    runs: Runs = None,
    model: Model = None,
    dataset: Dataset = None,
    store: Store = None,
    jobs: Jobs = None,
    host: Host = "127.0.0.1",
    port: Port = 8050,
    browser: Open = True,
    parameters: dict[str, dict[str, Any]],
) -> None:
    """Open the dashboard on experiments of your own."""
    chosen = Selection(Path(), layers, steps, runs, model, dataset)
    commands.serve(paths, chosen, parameters, how=Serving(store, jobs, host, port, browser))


@app.command(epilog="Example: nervescope inspect runs/ --json")
def inspect(
    path: ExperimentPath,
    *,
    model: Model = None,
    dataset: Dataset = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Say what is in an experiment: runs, steps, layers, and what could not be read."""
    inspection.inspect(Selection(path, model=model, dataset=dataset), as_json=as_json)


@app.command(epilog="Example: nervescope compute runs/ --layers conv2 --k 2% --fraction 0.3")
@with_parameters
def compute(
    path: ExperimentPath,
    *,
    analysis: Annotated[str | None, typer.Option(help="Only this one. [default: all]")] = None,
    layers: Layers = None,
    steps: Steps = None,
    runs: Runs = None,
    model: Model = None,
    dataset: Dataset = None,
    store: Store = None,
    jobs: Jobs = None,
    parameters: dict[str, dict[str, Any]],
) -> None:
    """Compute results ahead; what is there already is not computed again.

    Without --null, the permuted null model is computed beside the filters.
    """
    chosen = Selection(path, layers, steps, runs, model, dataset)
    commands.compute(chosen, analysis, parameters, store=store, jobs=jobs)


@app.command(epilog="Example: nervescope table runs/ filters --steps 0,200 --format csv > rows.csv")
@with_parameters
def table(
    path: ExperimentPath,
    analysis: Annotated[str, typer.Argument(help="Which table, e.g. filters.")],
    *,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.text,
    layers: Layers = None,
    steps: Steps = None,
    runs: Runs = None,
    model: Model = None,
    dataset: Dataset = None,
    store: Store = None,
    jobs: Jobs = None,
    parameters: dict[str, dict[str, Any]],
) -> None:
    """Print an analysis as a table, one row per layer and step; computes what is missing."""
    chosen = Selection(path, layers, steps, runs, model, dataset)
    commands.table(chosen, analysis, parameters, form=form, store=store, jobs=jobs)


@app.command(
    epilog="Example: nervescope export runs/ mapper --layers conv1 --steps 200 -o conv1.svg"
)
@with_parameters
def export(
    path: ExperimentPath,
    view: Annotated[str, typer.Argument(help="Which picture: mapper, barcode, projection.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File: .svg .pdf .png .html .json")
    ],
    layers: Layers = None,
    steps: Steps = None,
    runs: Runs = None,
    model: Model = None,
    dataset: Dataset = None,
    store: Store = None,
    jobs: Jobs = None,
    parameters: dict[str, dict[str, Any]],
) -> None:
    """Write one picture, of one layer at one step, to a file."""
    chosen = Selection(path, layers, steps, runs, model, dataset)
    commands.export(chosen, view, output, parameters, store=store, jobs=jobs)


@app.command(epilog="Example: nervescope train sample_models/mnist_cnn/recipe.toml -o my_mnist")
def train(
    spec: Annotated[Path, typer.Argument(help="TOML file with the recipe.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new experiment.")],
) -> None:
    """Train an experiment from its recipe; goes on where it was interrupted."""
    commands.train(spec, output)


@app.command(epilog="Example: nervescope fetch sample_models/cifar10_cnn.toml")
def fetch(
    path: Annotated[Path, typer.Argument(help="An experiment, or a TOML file with a recipe.")],
) -> None:
    """Fetch the inputs that an experiment names, and say where they lie; nothing else fetches.

    But for train, and --dataset openml:NAME.
    """
    inspection.fetch(path)


def main() -> None:
    """Run the command; an error that a user can act on is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names can hold any character
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except NerveScopeError as error:
        _fail(str(error))
    except BrokenPipeError:
        _silence()
        sys.exit(0)
    except OSError as error:  # such as a full disk behind standard output
        _silence()
        _fail(f"{error.filename or 'output'}: {error.strerror or error}")


def _end(_number: int, _frame: object) -> None:
    """End as after Ctrl-C, so that workers are ended and claims released."""
    sys.exit(128 + signal.SIGTERM)


def _fail(message: str) -> None:
    say(message)
    sys.exit(2)


def _silence() -> None:
    """Give up what is still to be written, or the interpreter stumbles over it as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
