# All targets set themselves up: they make a virtual environment in .venv and install the project in it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lowest trackio mutants torture audit check gpu zoo bench dist install

demo: .venv/.base
	$(BIN)/birads-zoo run --recipe demo

# One process per core, each with one thread. Each begins with its share of the files, whose tests share their set-up, and
# takes some of the other's when it has no more. Bytecode is written even where that is turned off: otherwise each of these
# processes, and each process that tests start, would compile the project again.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test: .venv/.dev
	$(PYTEST)

# Property tests draw other examples each time. `make test-all SEED=N`, with the N that was printed, repeats them.
test-all: SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
test-all: .venv/.dev
	$(PYTEST) -m "not gpu" --hypothesis-profile=random --hypothesis-seed=$(SEED)

# The same tests with the lowest version that pyproject.toml allows of everything that it names.
lowest: .venv/lowest/.done
	$(subst $(BIN),.venv/lowest/bin,$(PYTEST))

trackio: .venv/trackio/.done
	OMP_NUM_THREADS=1 .venv/trackio/bin/python -m pytest tests/plugins/trackers

# Makes 150 small changes to the code; a test should notice each of them.
mutants: .venv/.dev
	$(BIN)/python tests/mutation

# Faults, kills, damage, hostile files and requests: a part of them in six minutes on two cores (docs/reliability.md).
torture: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python tests/torture

# Known vulnerabilities of the packages that an installation with all extras gets today.
audit: .venv/.dev
	$(BIN)/uvx --quiet pip-audit --progress-spinner off --skip-editable --path "$$($(BIN)/python $(SITE))"

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

# Tries the smallest network of every family of timm and torchvision: writes docs/zoo.md in half an hour on two cores.
zoo: .venv/.dev
	$(BIN)/python bench/zoo.py

# A wheel and an sdist in dist/, the wheel built from the sdist.
dist: .venv/.dev
	rm -rf dist
	$(BIN)/uv build --quiet
	$(BIN)/uvx --quiet twine check --strict dist/*

# Needed again only when pyproject.toml or the version changes; other targets then do it by themselves.
install: .venv/.dev

# The versions of the packages that are installed before those for development. They are kept: another version of
# Pillow, for example, may decode a picture differently, and results would no longer be comparable.
.venv/.base: pyproject.toml birads_zoo/version.py | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	[ -e .venv/.dev ] || $(BIN)/python -m pip list --disable-pip-version-check --format=freeze --exclude-editable \
		> .venv/base.txt
	touch $@

.venv/.dev: .venv/.base
	touch .venv/base.txt
	[ ! -e $@ ] || : > .venv/base.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .venv/base.txt --editable ".[dev]"
	touch $@

# The newest versions of everything else, with two exceptions: pyparsing 3.3 and AnyIO 4.15 warn of names that the lowest
# Matplotlib and Starlette use.
.venv/lowest/.done: .venv/.dev
	$(BIN)/uv venv --quiet --clear --seed --python 3.11 .venv/lowest
	printf 'pyparsing<3.3\nanyio<4.15\n' > .venv/lowest/constraints.txt
	VIRTUAL_ENV=.venv/lowest $(BIN)/uv pip install --quiet --resolution lowest-direct --editable ".[dev]" \
		--constraint .venv/lowest/constraints.txt
	touch $@

# Trackio needs Pillow below 13, so it has its own environment, which uses all other packages of the first one.
SITE := -c 'import site; print(site.getsitepackages()[0])'
.venv/trackio/.done: .venv/.dev
	$(BIN)/python -m venv .venv/trackio
	echo "import site; site.addsitedir('$$($(BIN)/python $(SITE))')" > "$$(.venv/trackio/bin/python $(SITE))/others.pth"
	.venv/trackio/bin/python -m pip install --quiet --disable-pip-version-check "trackio>=0.40"
	touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "birads-zoo needs Python 3.11 or newer; choose one with: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
