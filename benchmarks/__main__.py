"""`make bench`: every benchmark, one after the other."""

import importlib
import pkgutil

import benchmarks

for module in pkgutil.iter_modules(benchmarks.__path__):
    if module.name.startswith("bench_"):
        print(f"\n## {module.name.removeprefix('bench_')}", flush=True)
        importlib.import_module(f"benchmarks.{module.name}").main()
