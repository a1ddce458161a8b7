"""The dashboard: start to first picture, server time of views whose results exist, memory."""

import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard import resources

PORT = 8971
REQUESTS = 200
PANELS = ("filters-mapper", "filters-barcode", "filters-projection", "filters-finding", "network")


@contextmanager
def served(store: Path) -> Iterator[str]:
    """Serve the sample models as `nervescope demo` does."""
    command = [sys.executable, "-m", "dashboard", "demo", "--no-open", "--port", str(PORT)]
    server = subprocess.Popen(
        [*command, "--store", str(store)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert server.stderr is not None  # noqa: S101
    line = server.stderr.readline().decode()
    found = re.search(r"http://\S+", line)
    if found is None:
        sys.exit(f"the server did not start: {line}")
    try:
        yield found.group(0)
    finally:
        server.terminate()
        server.wait(30)


def post(address: str, payload: dict[str, object]) -> float:
    """Ask for one callback; returns seconds."""
    data = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address + "_dash-update-component", data, headers)  # noqa: S310
    start = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        answer.read()
    return time.perf_counter() - start


def payloads(address: str) -> dict[str, dict[str, object]]:
    """Make the request of each panel, as the page would send it."""
    with urllib.request.urlopen(address + "_dash-dependencies", timeout=60) as answer:  # noqa: S310
        dependencies = json.load(answer)
    shown = {"experiment": "mnist_cnn", "layer": "conv1", "index": 4, "node": 3}
    values = {"shown": shown, "row": shown, "scheme": "light"}
    found = {}
    for each in dependencies:
        ids = re.findall(r"([\w-]+)\.\w+", each["output"])
        if each["clientside_function"] is None and ids[0] in PANELS:
            inputs = [{**one, "value": values[one["id"]]} for one in each["inputs"]]
            outputs = [
                {"id": i, "property": p} for i, p in re.findall(r"([\w-]+)\.(\w+)", each["output"])
            ]
            found[ids[0]] = {
                "output": each["output"],
                "outputs": outputs if len(outputs) > 1 else outputs[0],
                "inputs": inputs,
                "changedPropIds": ["shown.data"],
                "state": [],
            }
    return found


def main() -> None:
    """Print the figures of one run."""
    resources.folder("sample_models")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with served(Path(folder)) as address:
            asked = payloads(address)
            post(address, asked["filters-mapper"])
            first = time.perf_counter() - start
            print(f"start to the first picture's data: {first:.1f} s (aim: 5)")
            for name, payload in asked.items():
                times = sorted(post(address, payload) for _ in range(REQUESTS))
                p95 = times[int(0.95 * REQUESTS)]
                print(
                    f"{name}: median {1000 * statistics.median(times):.0f} ms, "
                    f"p95 {1000 * p95:.0f} ms of {REQUESTS} requests (aim: 100)"
                )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:.0f} MB (aim: 1,000)")


if __name__ == "__main__":
    main()
