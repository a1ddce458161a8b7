"""`make bench`: every benchmark with its large cases, each in a process of its own."""

import pkgutil
import subprocess
import sys

import benchmarks

for module in pkgutil.iter_modules(benchmarks.__path__):
    if module.name.startswith("bench_"):
        print(f"\n## {module.name.removeprefix('bench_')}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{module.name}", "--large"]
        subprocess.run(command, check=True)
