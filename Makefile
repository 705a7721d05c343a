# `make help` lists what can be made.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(name) 2>/dev/null),$(name))))
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup test test-most test-wandb check stress quickstart benchmark clean
.DEFAULT_GOAL := help

help:               ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Then, with $(BIN) on the PATH (. $(BIN)/activate):"
	@echo "python -m dissect --help     single runs, sweeps, studies, and every choice there is"

setup: $(READY)     ## .venv with the package, editable, in the versions that were tested

# The marker is made last, so that an installation that was cut short is begun again.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: $(PYTHON) is older than Python 3.11; say which to use: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	@touch $@

test: test-most test-wandb    ## the tests; with TINY_IMAGENET=FOLDER also those on real images

test-most: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal --ignore=tests/wandb_runs

test-wandb: $(READY)    # in a process of its own: after hundreds of other tests W&B's service stalls
	$(BIN)/python -m pytest tests/wandb_runs

check: $(READY)     ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

stress: $(READY)    ## kills at random moments, two sweeps on one store, full disks: a quarter of an hour on two cores
	OMP_NUM_THREADS=1 $(BIN)/python tests/sweep/kill.py --kills 50 --parents 12 --workers 20 --together 3 --full 1

quickstart: $(READY)    ## the whole ladder over several seeds on embedded data, and its report
	$(BIN)/python -m dissect +study=quickstart
	$(BIN)/python -m dissect.report quickstart

benchmark: $(READY)     ## speed and memory beside their yardsticks; with TINY_IMAGENET=FOLDER also what needs real images
	$(BIN)/python experiments/benchmark

clean:              ## remove what setup and the tests made; runs and reports stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
