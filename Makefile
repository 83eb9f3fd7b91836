# Everything here sets itself up: a virtual environment in .venv, and the project installed in it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all mutants check gpu zoo bench install

demo: .venv/.base
	$(BIN)/birads-zoo run --recipe demo

# A process a core, each with one thread: tests of one file share what they set up.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope

test: .venv/.dev
	$(PYTEST)

# Properties are tried on other examples each time: `make test-all SEED=N`, with the N it printed, tries the same again.
test-all: SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
test-all: .venv/.dev
	$(PYTEST) -m "not gpu" --hypothesis-profile=random --hypothesis-seed=$(SEED)

# A hundred and fifty small changes of the code, each of which a test should notice.
mutants: .venv/.dev
	$(BIN)/python tests/mutation

gpu: .venv/.dev
	bench/gpu.sh

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python bench/compare_models.py
	$(BIN)/python bench/throughput.py

# The smallest network of every family of timm and torchvision, tried: writes docs/zoo.md in half an hour of two cores.
zoo: .venv/.dev
	$(BIN)/python bench/zoo.py

# Needed again only when pyproject.toml's dependencies or entry points change; make does that by itself.
install: .venv/.dev

.venv/.base: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ .venv/.base

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "birads-zoo needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
