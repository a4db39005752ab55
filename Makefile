# GRPS: `make up` runs it, `make test` tests it. Only Python 3.12 or 3.13 and make must be installed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export GRPS_ENV ?= development
export GRPS_STATE ?= $(CURDIR)/.local
# Many processes start from this checkout, so compiled Python files are kept.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete

.PHONY: help up test test-long demo bench image-test model lint format types portal-check check setup lock clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: setup ## run everything on this machine until Ctrl-C (PORT, GRPS_STATE; PORTAL=off: without the portal)
	@exec $(PY) -m devserver up

demo: setup ## simulate a day of a community against a running `make up`
	@exec $(PY) -m bench.demo $(ARGS)

test: setup check ## all checks and tests
	@GRPS_STATE=$(GRPS_STATE)/test $(PY) -m devserver run -- $(PY) -m pytest $(ARGS)

test-long: setup ## long test runs: 80 kills, 20,000 cases per property, 400 requests per operation
	@GRPS_STATE=$(GRPS_STATE)/test HYPOTHESIS_PROFILE=nightly GRPS_LONG=1 $(PY) -m devserver run -- $(PY) -m pytest $(ARGS)

bench: setup ## run benchmarks; ratios of one run, also in $GRPS_STATE/bench.json
	@exec $(PY) -m bench $(ARGS)

image-test: setup ## build the image and run it without a container engine (root, buildah, debootstrap)
	@GRPS_STATE=$(GRPS_STATE)/test GRPS_IMAGE=1 $(PY) -m devserver run -- $(PY) -m pytest -n 0 -s tests/deploy/test_image.py $(ARGS)

model: setup ## build the games' package as a model for Roblox Studio (dist/GRPS.rbxmx)
	@$(PY) -m deploy.luau_model dist/GRPS.rbxmx

check: lint types portal-check ## lint, format, types, contracts, migrations, deployment settings, templates, the portal

lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/djlint templates --lint --quiet
	@bash deploy/stylua --check
	@$(PY) -m deploy.luau_types

types: setup
	@$(VENV)/bin/mypy

portal-check: setup
	@$(PY) -m devserver.portal npm run --silent check

format: setup ## format the sources
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .
	@bash deploy/stylua
	@$(PY) -m devserver.portal npm run --silent format

setup: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt deploy/find-python
	@python=$$(bash deploy/find-python) && \
	  if ! $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then rm -rf $(VENV); "$$python" -m venv $(VENV); fi
	@echo "GRPS: installing the pinned packages into $(VENV)"
	@$(VENV)/bin/pip install -qq --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $(STAMP)

lock: ## compile the pinned requirements after a change of requirements*.in
	@for set in requirements requirements-dev requirements-sentry; do CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/pip-compile --quiet --strip-extras \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options -o $$set.txt $$set.in; done

clean: ## remove the virtual environment and all local state
	rm -rf $(VENV) $(GRPS_STATE) portal/node_modules portal/.next portal/.build
