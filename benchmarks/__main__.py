"""`make bench`: every benchmark with its large cases, one after the other, in a few minutes."""

import importlib
import pkgutil
import sys

import benchmarks

sys.argv.append("--large")
for module in pkgutil.iter_modules(benchmarks.__path__):
    if module.name.startswith("bench_"):
        print(f"\n## {module.name.removeprefix('bench_')}", flush=True)
        importlib.import_module(f"benchmarks.{module.name}").main()
