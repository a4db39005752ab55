# GRPS: `make up` runs it, `make test` proves it. Nothing needs to be installed first but Python 3.12 or 3.13 and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export GRPS_ENV ?= development
export GRPS_STATE ?= $(CURDIR)/.local
# A dozen processes start from this checkout again and again: what Python has compiled is kept.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete

.PHONY: help up test test-long demo bench lint format types check setup lock clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: setup ## run everything on this machine until Ctrl-C (PORT, GRPS_STATE)
	@exec $(PY) -m devserver up

demo: setup ## play a day of a community against a running `make up`
	@exec $(PY) -m bench.demo $(ARGS)

test: setup check ## all checks and tests
	@GRPS_STATE=$(GRPS_STATE)/test $(PY) -m devserver run -- $(PY) -m pytest $(ARGS)

test-long: setup ## the tests again, as long campaigns: 80 kills, 20,000 cases a property, 400 requests an operation
	@GRPS_STATE=$(GRPS_STATE)/test HYPOTHESIS_PROFILE=nightly GRPS_LONG=1 $(PY) -m devserver run -- $(PY) -m pytest $(ARGS)

bench: setup ## measure; ratios of one run, also in $GRPS_STATE/bench.json
	@exec $(PY) -m bench $(ARGS)

check: lint types ## lint, format, types, contracts, migrations, deployment settings, templates

lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/djlint templates --lint --quiet
	@bash deploy/stylua --check
	@$(PY) deploy/luau_types.py

types: setup
	@$(VENV)/bin/mypy

format: setup ## write what the formatter wants
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .
	@bash deploy/stylua

setup: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt deploy/find-python
	@python=$$(bash deploy/find-python) && \
	  if ! $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then rm -rf $(VENV); "$$python" -m venv $(VENV); fi
	@echo "GRPS: installing the pinned packages into $(VENV)"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $(STAMP)

lock: ## compile the pinned closures after a change of requirements*.in
	@for set in requirements requirements-dev; do CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/pip-compile --quiet --strip-extras \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options -o $$set.txt $$set.in; done

clean: ## remove the virtual environment and all local state
	rm -rf $(VENV) $(GRPS_STATE)
