# Frontrow. `make` alone lists what there is.
# A machine needs GNU make and Python >= 3.11; everything else is installed into .venv from a lock.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up demo doctor security sbom audit test check check-types check-lint check-layers check-web check-deploy bench load mutants test-rough fmt lock schema clients clients-tools node-tools browser prometheus proxy clean reset

VENV := .venv
BIN  := $(VENV)/bin
# The first Python that is new enough; PYTHON=/path/to/python3 chooses another.
FITS := import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2])
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(FITS)' 2>/dev/null && { echo $$p; break; }; done)
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--no-input --no-deps --no-compile --require-hashes
PYTEST_ARGS ?=
# One more than CI has processors: the tests that kill processes and cut connections mostly wait.
TEST_PROCESSES ?= 3
LOAD_SECONDS ?= 300
LOAD_USERS ?= 200
LOAD_ARGS ?=
# Exact versions, because their output is compared. No lock file, which would name the registry it was made
# with.
NODE_TOOLS := typescript@5.9.3 openapi-typescript@7.13.0 openapi-fetch@0.17.0 axe-core@4.14.1
UV_COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

up: $(VENV)/.runtime ## Start everything here; Ctrl-C stops it
	@$(BIN)/frontrow up --end-with-parent

demo: $(VENV)/.runtime ## Load the demo's venues and events (the first `make up` does it)
	@$(BIN)/frontrow demo

doctor: $(VENV)/.runtime ## Check stores, schema and clocks, and say how to correct problems
	@$(BIN)/frontrow doctor

# Bytecode is kept even if the environment forbids it: the suite starts Python some hundred times, and
# recompiling everything takes longer than the rest of a process's start.
test: $(VENV)/.dev browser prometheus proxy clients-tools ## Run the whole test suite
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses=$(TEST_PROCESSES) --dist=loadscope --no-loadscope-reorder $(PYTEST_ARGS)

mutants: $(VENV)/.dev browser ## Insert ten faults, one at a time: each must fail the suite
	@$(BIN)/python -m tests.mutants

test-rough: $(VENV)/.dev browser prometheus proxy clients-tools ## Run the suite on a simulated slow machine that stalls at times
	@$(BIN)/python -m tests.rough

# In parts, so that `make --jobs=2 check` uses two processors.
check: check-types check-lint check-layers check-web check-deploy ## Lint, check formatting, types and layering

check-types: $(VENV)/.dev
	@$(BIN)/mypy

check-lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

check-layers: $(VENV)/.dev
	@$(BIN)/lint-imports

sbom: $(VENV)/.dev ## Write the product's components to dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file dist/sbom.cdx.json requirements.lock
	@echo 'dist/sbom.cdx.json: what requirements.lock installs'

audit: $(VENV)/.dev ## Look up known vulnerabilities of the installed packages in public databases
	@out=$$(mktemp); trap 'rm -f "$$out"' EXIT; \
	if $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
		--requirement requirements.lock >"$$out" 2>&1; then cat "$$out"; \
	elif grep -qiE 'connection|timed? ?out|max retries|name resolution|unreachable|not found on PyPI' "$$out"; then \
		echo 'make audit: SKIPPED, nothing was audited; no database of vulnerabilities answers from here:' >&2; \
		grep -v '^$$' "$$out" | tail -n 1 >&2; \
	else cat "$$out"; exit 1; fi

security: $(VENV)/.runtime ## List what must change in this deployment before the open internet
	@$(BIN)/frontrow security

bench: $(VENV)/.dev ## Measure against the machine's own limits; writes bench.json
	@$(BIN)/python -m loadtest.bench

load: $(VENV)/.dev ## Run an on-sale under load, with a verdict and a page in reports/ (LOAD_SECONDS, LOAD_USERS)
	@$(BIN)/python -m loadtest.on_sale --seconds $(LOAD_SECONDS) --users $(LOAD_USERS) $(LOAD_ARGS)

fmt: $(VENV)/.dev ## Format the code and apply the linter's automatic fixes
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .

schema: $(VENV)/.runtime ## Write sql/schema.sql from the migrations and functions
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	export FRONTROW_DATA_DIR="$$folder" && $(BIN)/frontrow migrate && \
	$(BIN)/frontrow migrate --dump sql/schema.sql

clients: clients-tools ## Regenerate the Python and TypeScript clients from the OpenAPI document
	@$(BIN)/python -m api.clients.generate

lock: $(VENV)/.dev ## Resolve the dependencies again into the lock files
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(UV_COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	@$(UV_COMPILE) --upgrade pyproject.toml --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock
	@$(UV_COMPILE) --upgrade --group pyproject.toml:clients --constraint requirements-dev.lock \
		--output-file requirements-clients.lock

clean: ## Remove installed and built files; data stay
	@rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset: ## Delete the embedded stores' data under .frontrow
	@if [ -f .frontrow/run.json ]; then \
		echo 'make reset: Frontrow is running; stop it first (Ctrl-C)' >&2; exit 1; fi
	@rm -rf .frontrow

# --- prerequisites of the targets ------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo 'make: needs Python 3.11 or newer; install it, or name it: make up PYTHON=/path/to/python3' >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo 'make: could not create $(VENV) with $(PYTHON); on Debian and Ubuntu: apt-get install python3-venv' >&2; \
		exit 1; }

# The project itself is found through a path file: no build step, edits count at once.
$(BIN)/frontrow: pyproject.toml deploy/register.py | $(BIN)/python
	@$(BIN)/python deploy/register.py
	@printf '#!/bin/sh\nexec "%s" -P -m engine "$$@"\n' '$(CURDIR)/$(BIN)/python' > $@
	@chmod +x $@

$(VENV)/.runtime: requirements.lock | $(BIN)/frontrow
	@echo 'installing what Frontrow needs into $(VENV) (once)'
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock | $(BIN)/frontrow
	@echo 'installing what the tests and checks need into $(VENV) (once)'
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime

# The page is tested in a real browser: Chromium's headless shell, which is its engine (Playwright's own
# default) without the windows, profiles and menus that cost more time than our pages. A full Chromium works
# as well, and takes longer. With CI=true one of them is required.
browser: $(VENV)/.dev
	@for name in chromium-headless-shell chrome-headless-shell; do \
		command -v $$name >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo 'installing chromium-headless-shell for the browser tests (once)'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends chromium-headless-shell >/dev/null 2>&1 && exit 0; \
	fi; \
	for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends chromium >/dev/null && exit 0; \
	else \
		$(BIN)/python -m playwright install chromium >/dev/null 2>&1 && exit 0; \
	fi; \
	echo 'make: no Chromium for the browser tests; install it, for example: sudo apt-get install chromium' >&2; \
	test -z "$$CI"

# The tests use the real reverse proxy and systemd's own unit parser. With CI=true they are required.
proxy:
	@missing=; command -v caddy >/dev/null 2>&1 || missing=caddy; \
	command -v systemd-analyze >/dev/null 2>&1 || missing="$$missing systemd"; \
	test -n "$$missing" || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "installing $$missing for the tests of deployment (once)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends $$missing >/dev/null && exit 0; \
	fi; \
	echo "make: missing for the tests of deployment: $$missing; install it, for example: sudo apt-get install $$missing" >&2; \
	test -z "$$CI"

check-deploy: $(VENV)/.dev
	@$(BIN)/yamllint --strict compose.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@$(BIN)/hadolint deploy/Dockerfile

# Prometheus itself reads our metrics, rules and alerts. With CI=true it is required.
prometheus:
	@command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1 && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo 'installing prometheus for the tests of metrics and alerts (once)'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends prometheus >/dev/null && exit 0; \
	fi; \
	echo 'make: no prometheus and promtool, so metrics and alerts are not tested; install them, for example: sudo apt-get install prometheus' >&2; \
	test -z "$$CI"

check-web: node-tools
	@test ! -x node_modules/.bin/tsc || node_modules/.bin/tsc --project seatmap/web/tsconfig.json

# With CI=true npm is required. All in one call: npm removes packages that a call does not name.
node-tools:
	@test "$$(cat node_modules/.frontrow 2>/dev/null)" != '$(NODE_TOOLS)' || exit 0; \
	if ! command -v npm >/dev/null 2>&1; then \
		echo 'make: npm is missing, so JavaScript is not type-checked and no client is generated' >&2; \
		test -z "$$CI"; exit; fi; \
	npm install --silent --no-save --no-package-lock --no-audit --no-fund $(NODE_TOOLS) && \
		echo '$(NODE_TOOLS)' >node_modules/.frontrow

clients-tools: $(VENV)/.clients node-tools

# The client generators need pydantic, with which Litestar behaves differently: they have their own Python
# environment.
$(VENV)/.clients: requirements-clients.lock | $(BIN)/python
	@echo 'installing what generates clients into $(VENV)/clients (once)'
	@$(BIN)/python -m venv $(VENV)/clients
	@$(VENV)/clients/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-input --no-deps --no-compile --require-hashes -r requirements-clients.lock
	@touch $@
