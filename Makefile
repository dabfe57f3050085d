# `make help` lists the targets. Everything runs in .venv, which is made on the first call.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || echo 2)
CONFIG ?= config/config.yaml
# The folder below results/, as the configuration names it.
NAME = $(shell sed -n 's/^name: *\([A-Za-z0-9_-]*\).*/\1/p' $(CONFIG))
PUBLISHED ?= results/published/$(NAME)
# Where its configuration looks for networks and runs: the folder `runs`, or else its name.
PUBLISHED_RUNS = $(shell sed -n 's/^runs: *//p' $(PUBLISHED)/configuration.yaml | grep . || basename $(PUBLISHED))
SNAKEMAKE = snakemake --cores $(CORES)

export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help install lock lowest all demo report publish figures-from-published runs-from-published lint check test \
	chromium docs format bench clean

help: ## list the targets
	@echo "make [TARGET] [CORES=N] [CONFIG=config/config.yaml] [PUBLISHED=results/published/NAME] [LOCKED=1]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

install: .venv/$(if $(LOCKED),locked,installed) ## make .venv with everything the project needs; LOCKED=1: in the versions of requirements.lock

PIP = -m pip install --quiet --disable-pip-version-check
# First and alone: some indexes have a build for CPUs under this plain name. PyPI's for Linux brings gigabytes of CUDA libraries; there:
#   make install TORCH='--extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0'
TORCH = torch==2.13.0

.venv/installed: pyproject.toml
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) $(TORCH)
	.venv/bin/python $(PIP) -e '.[workflow,test,docs]'
	@touch $@

.venv/locked: requirements.lock pyproject.toml
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) $(TORCH)
	.venv/bin/python $(PIP) --no-deps --require-hashes -r requirements.lock
	.venv/bin/python $(PIP) --no-deps --no-build-isolation -e .
	@touch .venv/installed $@

# torch is installed before; with it here, the CUDA libraries of PyPI's builds would be in the lock.
COMPILE = .venv/bin/uv pip compile --quiet --no-annotate --override <(echo 'torch; sys_platform == "none"') \
  --no-emit-package torch pyproject.toml

# With what torch alone needs.
lock: install ## write requirements.lock anew: the newest versions, for every system, with hashes
	$(COMPILE) <(printf 'fsspec\nsetuptools\n') --universal --python-version 3.11 --upgrade --generate-hashes \
	  --extra workflow --extra cluster --extra storage --extra test --extra docs --custom-compile-command 'make lock' --output-file requirements.lock

# Of the libraries that the code works with most; without a compiled search. pandas 2 warns of the median of nothing.
lowest: install ## quick tests in build/lowest, an environment of the lowest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear build/lowest
	build/lowest/bin/python $(PIP) $(TORCH)
	$(COMPILE) --python build/lowest/bin/python --resolution lowest-direct --extra workflow --output-file build/lowest/pins.txt
	.venv/bin/uv pip install --quiet --python build/lowest/bin/python -r build/lowest/pins.txt pytest hypothesis
	.venv/bin/uv pip install --quiet --python build/lowest/bin/python --no-deps -e .
	build/lowest/bin/python -m pytest -q -m "not slow" -W "ignore:Mean of empty slice:RuntimeWarning" \
	  tests/test_metrics.py tests/data tests/drawing tests/io tests/networks
	build/lowest/bin/srnet reproduce --config demo -- --dry-run --quiet all

all: install ## the complete reproduction of CONFIG
	$(SNAKEMAKE) --configfile $(CONFIG)

demo: install ## a small complete reproduction: networks, formulas, figures, tables (minutes)
	$(SNAKEMAKE) --configfile config/demo.yaml
	$(SNAKEMAKE) --configfile config/demo.yaml --report results/demo/report.zip
	@echo "Drawn:"
	@find results/demo/{figures,tables,report.zip} -type f | sort | sed 's/^/  /'

report: install ## results/NAME/report.zip: the figures and tables of CONFIG as one HTML report
	$(SNAKEMAKE) --configfile $(CONFIG) --report results/$(NAME)/report.zip

publish: install ## results/published/NAME: the finished run of CONFIG, to be published
	$(SNAKEMAKE) publish --configfile $(CONFIG)

figures-from-published: install ## results/redrawn: the figures and tables of PUBLISHED, redrawn without a run
	rm -rf results/redrawn/tables
	srnet unpack $(PUBLISHED) --tables results/redrawn/tables
	$(SNAKEMAKE) figures tables --configfile $(PUBLISHED)/configuration.yaml --config name=redrawn runs=redrawn

runs-from-published: install ## results/RUNS: the networks and runs of PUBLISHED, to be continued
	srnet unpack $(PUBLISHED) --runs results/$(PUBLISHED_RUNS)

lint: install ## lint, format, import contract and types
	ruff check
	ruff format --check
	lint-imports
	mypy

check: lint ## lint and the fast tests: under two minutes
	python -m pytest -m "not slow"

# A file's tests stay together, for they share what they make; the order is that of tests/conftest.py.
test: lint chromium ## lint and every test
	python -m pytest -n $$(($(CORES) + 1)) --dist loadfile --no-loadscope-reorder  # some tests wait, for Slurm or a server

# Without it, the tests that need it are skipped and say so.
chromium: ## Debian's Chromium for the tests of the report and the site, installed by root only
	@command -v chromedriver >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && timeout 300 apt-get update -qq >/dev/null 2>&1 \
	       && timeout 600 apt-get install -qq --yes --no-install-recommends chromium chromium-driver >/dev/null 2>&1; } \
	  || echo "No Chromium here: report and site are not tested in a browser."

# Anew, for a page that was made of what is gone would stay.
docs: install ## build the documentation into site/; runs the examples
	rm -rf docs/api docs/gallery docs/published site
	python -m sphinx -W --keep-going -q $(SPHINXOPTS) -d build/doctrees docs site

format: install ## format Python and Snakemake files
	ruff check --fix
	ruff format
	snakefmt workflow

bench: install ## time the search engine
	python tests/benchmarks/engine.py

clean: ## remove the demo's results and all caches, never results/paper
	rm -rf results/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
