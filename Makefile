# Two commands do everything: 'make demo' and 'make test'. A machine needs Python 3.11+, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
LOCKED := pyproject.toml constraints.txt

.PHONY: help demo test lint pytest bench soak docs sbom build constraints clean
.DEFAULT_GOAL := help

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1	\2/p' Makefile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Salus needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/debian-packages python3-venv
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.base: $(LOCKED) | $(VENV)/bin/python
	@echo "Installing Salus into $(VENV) ..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.test: $(LOCKED) | $(VENV)/bin/python
	@echo "Installing Salus and its test tools into $(VENV) ..."
	@$(INSTALL) -e '.[test]'
	@touch $@ $(VENV)/.base

demo: $(VENV)/.base ## Read the ward that ships, ask every live model, rank it, serve the pages
	@$(BIN)/salus demo $(DEMO)

test: lint pytest ## Run every check and every test

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

pytest: $(VENV)/.test
	@scripts/debian-packages chromium nodejs npm postgresql
	$(BIN)/python -m pytest $(TESTS)

bench: $(VENV)/.test ## Print every figure that the README states
	$(BIN)/python -m benchmarks

soak: $(VENV)/.test ## The long runs: kills, fuzzing, replication, load
	SALUS_SOAK=1 $(BIN)/python -m benchmarks.soak

docs: $(VENV)/.test ## Build the documentation into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site
	@echo build/site/index.html

# The base alone, in an environment of its own: what ships, what it weighs, what the SBOM lists.
build/base/.made: $(LOCKED)
	@rm -rf build/base && $(PYTHON) -m venv build/base
	@build/base/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt .
	@touch $@

sbom: build/base/.made $(VENV)/.test ## Write the software bill of materials (CycloneDX) to build/sbom.cdx.json
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --output-format JSON --output-file build/sbom.cdx.json build/base/bin/python
	@$(BIN)/python scripts/bill_of_materials.py build/sbom.cdx.json
	@echo build/sbom.cdx.json

build: sbom ## Build the wheel and its bill of materials into dist
	@$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir dist .
	@cp build/sbom.cdx.json dist/

constraints: ## Resolve the newest versions afresh and write constraints.txt
	@rm -rf build/resolve && $(PYTHON) -m venv build/resolve
	@build/resolve/bin/python -m pip install -qq --disable-pip-version-check '.[dev]' hatchling
	@head -1 constraints.txt > build/constraints.txt
	@build/resolve/bin/python -m pip freeze --exclude salus-clinical >> build/constraints.txt
	@mv build/constraints.txt constraints.txt && rm -rf build/resolve

clean: ## Remove what the build made (the environment stays)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
