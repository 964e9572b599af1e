# The short way to every task. TENANTS=1,16 chooses databases, ARGS="..." adds options of tenantry.

PYTHON ?= python3
BIN := .venv/bin
PIP_OPTIONS := --disable-pip-version-check --quiet
PIP := $(BIN)/python -m pip $(PIP_OPTIONS)
# N is how many databases `make bench` makes.
N ?= 100
# The oldest Python that pyproject.toml allows, where this machine has it.
OLDEST := $(or $(shell command -v python3.11),$(PYTHON))

# An empty TENANTS is passed on, to be refused: it must never come to mean every tenant. What is given on the command
# line reaches the environment of a recipe by itself.
WHICH = $(if $(filter undefined,$(origin TENANTS)),,--tenants "$$TENANTS")

.PHONY: help migrate status plan verify log tenants check stop lint format test quick test-lowest test-bench docs bench lock clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

migrate: .venv/installed ## Apply what is pending; TENANTS=1,16 or all or master
	@$(BIN)/tenantry migrate $(WHICH) $(ARGS)

status plan verify log tenants: .venv/installed
	@$(BIN)/tenantry $@ $(WHICH) $(ARGS)

check: .venv/installed ## Prove the migration files themselves; ARGS="--base origin/main"
	@$(BIN)/tenantry check $(ARGS)

status: ## Show what each tenant has
plan: ## Show which files each tenant would get
verify: ## Compare files and ledger
log: ## Show who did what when
tenants: ## Show what tenants.yaml means and try each connection

stop: .venv/installed ## Stop the embedded server
	@$(BIN)/tenantry db stop

lint: .venv/installed-dev ## Check style, types and the arrows between modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/installed-dev ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: .venv/installed-dev ## Run all tests, on servers of their own
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

quick: .venv/installed-dev ## Run the unit tests, and what is not slow of the tests on PostgreSQL 17
	$(BIN)/pytest -n auto --dist worksteal -m "not slow and not other_major" tests/unit tests/integration $(ARGS)

test-lowest: .venv-lowest/installed ## Run the unit tests on the oldest Python and dependencies that are allowed
	.venv-lowest/bin/pytest -n auto tests/unit $(ARGS)

docs: .venv/installed-dev ## Write the generated pages again, and build the site into .site; a broken link is an error
	$(BIN)/python -m tests.unit.docs
	$(BIN)/zensical build --clean --strict

test-bench: .venv/installed-dev ## Test that the benchmark measures what it says, and cleans up
	$(BIN)/pytest bench $(ARGS)

bench: .venv/installed-dev ## Measure against the floor and psql; N=1000 databases
	$(BIN)/python -m bench --databases $(N) $(ARGS)

lock: .venv/installed-dev ## Make the lock files anew, with `uv` on PATH
	./requirements.sh

clean: ## Delete .venv and .venv-lowest; the embedded server and its data stay
	rm -rf .venv .venv-lowest

.venv/installed: requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory .venv/python
	@echo "installing what tenantry needs into .venv: once, about a minute" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "installing what the tests and checks need into .venv" >&2
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.venv-lowest/installed: requirements-lowest.lock pyproject.toml
	@echo "installing the oldest allowed dependencies into .venv-lowest" >&2
	@$(OLDEST) -m venv --clear .venv-lowest
	@.venv-lowest/bin/python -m pip $(PIP_OPTIONS) install --require-hashes -r requirements-lowest.lock
	@.venv-lowest/bin/python -m pip $(PIP_OPTIONS) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: .venv/python
.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON): not found or too old, expected Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv \
		|| { rm -rf .venv; echo "hint: on Debian and Ubuntu, run: apt-get install python3-venv" >&2; exit 2; }
