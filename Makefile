# Everything needs Python 3.11 to 3.13, git and make, and nothing else: .venv is made here.
# The README gives the same as ordinary commands, for machines without make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install book serve test seeds lint mutants coverage benchmark constraints clean

export OMP_NUM_THREADS ?= 1
BIN := .venv/bin
STAMP := .venv/installed
COLAB_STAMP := .venv-colab/installed
PEERS_STAMP := .venv/peers-installed
# make TORCH_INDEX=https://download.pytorch.org/whl/cpu: where torch comes from, if not from PyPI
TORCH_INDEX ?=
# make test BROWSER=no: leave out the tests that need Chromium, and say so
BROWSER ?= yes
PIP := $(BIN)/python -m pip --no-input --disable-pip-version-check
INSTALL := $(PIP) install $(if $(CI),--quiet) --retries 5 --timeout 60

help: ## show this
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1 : /' | column -t -s:

install: $(STAMP) ## create .venv with everything in it (the other commands do it when needed)

$(STAMP): requirements.txt constraints.txt package-lock.json
	@if [ ! -x $(BIN)/python ]; then \
	  for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	        2>/dev/null; then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$${found:-}" ]; then echo "Python 3.11, 3.12 or 3.13 is needed, and none was" \
	    "found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	  echo "Creating .venv with $$found ($$($$found --version))"; \
	  $$found -m venv .venv || { rm -rf .venv; exit 1; }; \
	fi
	@echo "Installing requirements.txt into .venv: some minutes the first time"
	@$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url $(TORCH_INDEX) \
	  "$$(grep -oE '^torch[=>]=[^ ]+' requirements.txt)")
	@$(INSTALL) -r requirements.txt
	@$(BIN)/python -c 'import os, pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), \
	  "vae_course.pth").write_text(os.getcwd() + "\n")'
	@$(BIN)/python -m tools.npm
	@touch $@

$(COLAB_STAMP): requirements-colab.txt $(STAMP)
	@$(BIN)/python -m tools.colab
	@touch $@

book: $(STAMP) ## execute the notebooks, build the site
	@$(BIN)/jupyter-book build . -W --keep-going
	@$(BIN)/python -m tools.resolve
	@echo "The book:    $(CURDIR)/_build/html/index.html"
	@echo "To serve it: make serve"

serve: book ## build the site and serve it on localhost
	@$(BIN)/python -m tools.serve

test: $(if $(filter no,$(BROWSER)),$(STAMP),$(COLAB_STAMP)) ## all tests (BROWSER=no leaves out those that need Chromium)
	@$(if $(filter no,$(BROWSER)),,$(BIN)/python -m tools.browser)
	@$(MAKE) --no-print-directory book
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(if $(filter no,$(BROWSER)),--no-browser,-m "not alone")
	@$(if $(filter no,$(BROWSER)),,$(BIN)/python -m pytest -m alone)

SEEDS ?= 20
seeds: $(STAMP) ## the statistical tests with 20 seeds in a row (SEEDS=5: with 5)
	@for seed in $$(seq 0 $$(($(SEEDS) - 1))); do \
	  echo "seed $$seed"; \
	  $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-browser --statistical --seed $$seed \
	    --durations=0 --durations-min=10 | tail -n 4; \
	done

lint: $(STAMP) ## style of code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m tools.canonical --check

mutants: book ## plant each mistake of tests/mutants and see its test fail
	@$(BIN)/python -m tools.mutants

coverage: $(STAMP) ## which items of the syllabus the chapters cover
	@$(BIN)/python -m tools.coverage

$(PEERS_STAMP): requirements-peers.txt $(STAMP)
	@$(INSTALL) --no-deps -r requirements-peers.txt
	@# disent installs its own tests as a package named tests, which would hide ours
	@rm -f $(BIN)/../lib/python3.*/site-packages/tests/__init__.py
	@touch $@

benchmark: $(PEERS_STAMP) ## speed beside other libraries and plain torch, all in one process
	@$(BIN)/python -m benchmarks.speed
	@$(BIN)/python -m benchmarks.flows

constraints: $(STAMP) ## renew constraints.txt and package-lock.json after a change of requirements
	@$(BIN)/python -m tools.constraints
	@$(BIN)/python -m tools.npm install --package-lock-only

clean: ## remove what was built (the environments stay)
	@rm -rf _build build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
