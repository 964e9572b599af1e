# The short way to every task. TENANTS=1,16 chooses databases, ARGS="..." adds options of tenantry.

PYTHON ?= python3
BIN := .venv/bin
PIP_OPTIONS := --disable-pip-version-check --quiet
PIP := $(BIN)/python -m pip $(PIP_OPTIONS)
# The number of databases that `make bench` creates.
N ?= 100
# The oldest Python that pyproject.toml allows, where this machine has it.
OLDEST := $(or $(shell command -v python3.11),$(PYTHON))

# An empty TENANTS is passed on, to be refused: it must never come to mean every tenant. What is given on the command
# line reaches the environment of a recipe by itself.
WHICH = $(if $(filter undefined,$(origin TENANTS)),,--tenants "$$TENANTS")

# Installs what a lock file names. On a terminal, a line tells how many packages have been collected; pip says nothing for
# minutes, or too much. Its output is kept for a failure, whose exit status a pipe would hide.
define INSTALL
if [ -t 2 ]; then \
	total=$$(grep -c '^[a-z].*==' $(1)); log=$$(mktemp); \
	{ $(BIN)/python -m pip --disable-pip-version-check install --require-hashes -r $(1) 2>&1; echo "status $$?"; } \
		| tee "$$log" | awk -v total="$$total" '/^Collecting|^Requirement already/ \
			{ n++; printf "\r  %d of %d packages", n, total > "/dev/stderr"; fflush() } \
			/^Installing collected/ { printf "\r  installing %d packages  ", n > "/dev/stderr"; fflush() } \
			END { printf "\r\033[K" > "/dev/stderr" }'; \
	status=$$(sed -n 's/^status //p' "$$log"); [ "$$status" = 0 ] || tail -n 20 "$$log" >&2; rm -f "$$log"; \
	exit "$$status"; \
else $(PIP) install --require-hashes -r $(1); fi
endef

.PHONY: help migrate status plan verify log tenants check stop lint format test quick test-lowest test-bench test-hostile test-oracle docs bench dist lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

migrate: .venv/installed ## Apply pending files; TENANTS=1,16 or all or master
	@$(BIN)/tenantry migrate $(WHICH) $(ARGS)

status plan verify log tenants: .venv/installed
	@$(BIN)/tenantry $@ $(WHICH) $(ARGS)

check: .venv/installed ## Test the migration files themselves; ARGS="--base origin/main"
	@$(BIN)/tenantry check $(ARGS)

status: ## Show each tenant's version and pending files
plan: ## Show the files that each tenant would get
verify: ## Prove that every tenant's record and schema match the files
log: ## Show every attempt, failure and manual change
tenants: ## List the tenants of tenants.yaml and try each connection

stop: .venv/installed ## Stop the embedded server
	@$(BIN)/tenantry db stop

lint: .venv/installed-dev ## Check style, types and import layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/installed-dev ## Format the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: .venv/installed-dev ## Run all tests, on their own servers
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

quick: .venv/installed-dev ## Run the unit tests and the fast integration tests on PostgreSQL 17
	$(BIN)/pytest -n auto --dist worksteal -m "not slow and not other_major" tests/unit tests/integration $(ARGS)

test-lowest: .venv-lowest/installed ## Run the unit tests on the oldest allowed Python and dependencies
	.venv-lowest/bin/pytest -n auto tests/unit $(ARGS)

docs: .venv/installed-dev ## Write the generated pages and build the site in .site; broken links are errors
	$(BIN)/python -m tests.unit.docs
	$(BIN)/zensical build --clean --strict

test-hostile: .venv/installed-dev ## Attack a tenant in every known way: about three minutes
	TENANTRY_TEST_HOSTILE=1 $(BIN)/pytest -n auto --dist worksteal tests/acceptance/hostile $(ARGS)

test-oracle: .venv/installed-dev ## Hold catalog and drafts against pg_dump and PostgreSQL's own schemas: minutes
	TENANTRY_TEST_ORACLE=1 $(BIN)/pytest -n auto --dist worksteal tests/integration/oracle $(ARGS)

test-bench: .venv/installed-dev ## Test the benchmark: its measurements and its clean-up
	$(BIN)/pytest bench $(ARGS)

bench: .venv/installed-dev ## Compare with the floor and psql; N=1000 databases
	$(BIN)/python -m bench --databases $(N) $(ARGS)

dist: .venv/installed-dev ## Build the source archive, the wheel and the bill of materials in dist/
	rm -rf dist
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o tenantry.cdx.json requirements.lock
	$(BIN)/python -m hatchling build -t sdist -d dist
	$(BIN)/python -m pip wheel $(PIP_OPTIONS) --no-deps --no-build-isolation -w dist dist/*.tar.gz
	mv tenantry.cdx.json dist/

lock: .venv/installed-dev ## Write the lock files again; needs `uv` on PATH
	./requirements.sh

clean: ## Delete .venv and .venv-lowest; the embedded server and its data stay
	rm -rf .venv .venv-lowest

.venv/installed: requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory .venv/python
	@echo "installing tenantry's dependencies into .venv: once, about a minute" >&2
	@$(call INSTALL,requirements.lock)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "installing the dependencies of tests and checks into .venv" >&2
	@$(call INSTALL,requirements-dev.lock)
	@touch $@

# The lock is whole. With an extra of a package that is locked, pip would look for its newest version, and refuse it.
.venv-lowest/installed: requirements-lowest.lock pyproject.toml
	@echo "installing the oldest allowed dependencies into .venv-lowest" >&2
	@$(OLDEST) -m venv --clear .venv-lowest
	@.venv-lowest/bin/python -m pip $(PIP_OPTIONS) install --no-deps --require-hashes -r requirements-lowest.lock
	@.venv-lowest/bin/python -m pip $(PIP_OPTIONS) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: .venv/python
.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON): not found or too old, expected Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv \
		|| { rm -rf .venv; echo "hint: on Debian and Ubuntu, run: apt-get install python3-venv" >&2; exit 2; }
