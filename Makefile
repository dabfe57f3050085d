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
SNAKEMAKE = snakemake --cores $(CORES)

export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help install all demo report publish figures-from-published runs-from-published lint check test chromium docs \
	format bench clean

help: ## list the targets
	@echo "make [TARGET] [CORES=N] [CONFIG=config/config.yaml]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

install: .venv/installed ## make .venv with everything the project needs

# torch first and alone: the plain wheel of this version is a CPU build; any other way pulls gigabytes
# of CUDA libraries.
.venv/installed: pyproject.toml
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[workflow,test,docs]'
	@touch $@

all: install ## the complete reproduction of CONFIG
	$(SNAKEMAKE) --configfile $(CONFIG)

demo: install ## a small complete reproduction: networks, formulas, figures, tables (minutes)
	$(SNAKEMAKE) --configfile config/demo.yaml
	$(SNAKEMAKE) --configfile config/demo.yaml --report results/demo/report.zip
	@echo "Drawn:"
	@find results/demo/{figures,tables,report.zip} -type f | sort | sed 's/^/  /'

report: install ## results/NAME/report.zip: the figures and tables of CONFIG as one HTML report
	$(SNAKEMAKE) --configfile $(CONFIG) --report results/$(NAME)/report.zip

publish: install ## results/published/NAME: what is published of CONFIG, complete
	$(SNAKEMAKE) publish --configfile $(CONFIG)

figures-from-published: install ## results/redrawn: the figures and tables of PUBLISHED, drawn without a run
	srnet unpack $(PUBLISHED) --tables results/redrawn/tables
	$(SNAKEMAKE) figures tables --configfile $(PUBLISHED)/configuration.yaml --config name=redrawn runs=redrawn

runs-from-published: install ## results/NAME: the networks and runs of PUBLISHED, to go on from
	srnet unpack $(PUBLISHED) --runs results/$(notdir $(PUBLISHED))

lint: install ## lint, format, import contract and types
	ruff check
	ruff format --check
	lint-imports
	mypy

check: lint ## lint and the fast tests: under two minutes
	python -m pytest -m "not slow"

test: lint chromium ## lint and every test
	python -m pytest

# Without it, the test that needs it is skipped and says so.
chromium: ## Debian's Chromium for the test of the report, installed by root only
	@command -v chromedriver >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && timeout 300 apt-get update -qq >/dev/null 2>&1 \
	       && timeout 600 apt-get install -qq --yes --no-install-recommends chromium chromium-driver >/dev/null 2>&1; } \
	  || echo "No Chromium here: the report is not tested in a browser."

docs: install ## build the documentation into site/
	python -m mkdocs build --strict --quiet

format: install ## format Python and Snakemake files
	ruff check --fix
	ruff format
	snakefmt workflow

bench: install ## time the search engine
	python tests/benchmarks/engine.py

clean: ## remove the demo's results and all caches, never results/paper
	rm -rf results/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
