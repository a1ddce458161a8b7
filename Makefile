# Everything lives in .venv; `make setup` does nothing the second time.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test setup bench samples clean

demo: setup            ## open the dashboard on the sample models
	$(BIN)/nervescope demo

test: setup            ## lint, types and every test, in a real headless Chromium too
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	BROWSER_PATH="$$($(BIN)/python tests/browser/find.py)" && export BROWSER_PATH && $(BIN)/pytest $(PYTEST_ARGS)

bench: setup           ## ours against the libraries people would use, as ratios
	$(BIN)/python -m benchmarks

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	    echo "NerveScope needs Python 3.11: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m analysis.kernels
	touch $@

samples: setup         ## make the results that ship with the sample models again
	$(BIN)/python sample_models/ship_results.py

clean:                 ## remove everything that setup and tests made
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
