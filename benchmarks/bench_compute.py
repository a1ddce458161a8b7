"""Whole experiments from nothing, as a user runs them: a deep network, and a study of sixty."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from analysis import resources


def main() -> None:
    """Print CPU seconds over all processes, and wall time."""
    measure("face_resnet", "aim: 150 CPU s")
    measure("disks_mlp", "aim: 300 s on two cores")


def measure(name: str, aim: str) -> None:
    """Compute all of a sample without the results that ship."""
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / name
        results = shutil.ignore_patterns("results")
        shutil.copytree(resources.folder("sample_models") / name, network, ignore=results)
        before = os.times()
        command = [sys.executable, "-m", "dashboard", "compute", str(network)]
        done = subprocess.run(
            [*command, "--store", f"{folder}/store"], capture_output=True, text=True, check=True
        )
        after = os.times()
    spent = after.children_user - before.children_user
    spent += after.children_system - before.children_system
    wall = after.elapsed - before.elapsed
    said = done.stderr.splitlines()[-1]
    print(f"compute {name}: {spent:.0f} CPU s, {wall:.0f} s of wall time ({aim}); {said}")


if __name__ == "__main__":
    main()
