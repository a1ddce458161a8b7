"""All layers of the deep sample network with their null models, from nothing, as a user runs it."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dashboard import resources


def main() -> None:
    """Print CPU seconds over all processes."""
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "face_resnet"
        results = shutil.ignore_patterns("results")
        shutil.copytree(resources.folder("sample_models") / "face_resnet", network, ignore=results)
        before = os.times()
        command = [sys.executable, "-m", "dashboard", "compute", str(network)]
        done = subprocess.run(
            [*command, "--store", f"{folder}/store"], capture_output=True, text=True, check=True
        )
        after = os.times()
    spent = after.children_user - before.children_user
    spent += after.children_system - before.children_system
    print(f"compute face_resnet: {spent:.0f} CPU s (aim: 150); {done.stderr.splitlines()[-1]}")


if __name__ == "__main__":
    main()
