# attio-canon. `make` lists the targets. ARGS=... is handed on to canon (or dbt, for build); PROJECT=... is another checkout to work on.

PROJECT ?= .
ARGS ?=
POSTGRES_BIN ?=
# of two cores: tests wait for a third of their time
WORKERS ?= 3

SHELL := /bin/sh
BIN := $(CURDIR)/.venv/bin
# quoted, since a path may hold spaces
CANON = "$(BIN)/python" -m sync
ON_PROJECT = --project-dir "$(PROJECT)"
WITH_DATABASE = CANON_PROJECT_DIR="$(PROJECT)" "$(BIN)/python" -m sync.localdb exec --
DBT = $(WITH_DATABASE) env DBT_PROFILES_DIR="$(abspath_project)" DBT_PROJECT_DIR="$(abspath_project)/dbt_project" "$(BIN)/dbt"
abspath_project = $(shell cd "$(PROJECT)" && pwd)
# nothing of the owner's: neither database nor workspace
ISOLATED = env $$(env | awk -F= '/^(PG|DBT_|ATTIO_|CANON_)[A-Z_]*=/ {print "-u " $$1}')

.DEFAULT_GOAL := help
.PHONY: help install demo test lint lint-python lint-sql build sync plan pull duplicates docs serve sandbox migrate doctor bench stop clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' "$(firstword $(MAKEFILE_LIST))"

install: .venv/.installed profiles.yml ## install into .venv; quick when nothing changed

.venv/.installed: pyproject.toml constraints.txt
	@for candidate in python3.13 python3.12 python3.11 python3; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	[ -n "$$python" ] || { echo "make: no Python 3.11, 3.12 or 3.13 found: install one" >&2; exit 2; }; \
	$$python -c 'import ensurepip' 2>/dev/null || { echo "make: $$python has no venv: install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 2; }; \
	[ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || $$python -m venv --clear .venv; \
	echo "installing into .venv ..." >&2; \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' && touch $@

profiles.yml: profiles.yml.example
	@[ -e $@ ] && touch $@ || cp profiles.yml.example $@

demo: install ## the whole job on a database and a sandbox of its own, from nothing to a synced CRM
	@$(ISOLATED) "$(BIN)/python" -m demo.run

test: install lint ## everything CI runs, lint included; POSTGRES_BIN=/usr/lib/postgresql/15/bin for another PostgreSQL
	@$(ISOLATED) POSTGRES_BIN="$(POSTGRES_BIN)" "$(BIN)/python" -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15 $(ARGS)

lint: install ## ruff, mypy, import-linter, hadolint, sqlfluff
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-python lint-sql

lint-python: ## the half of lint that needs no database
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"
	@[ ! -x "$(BIN)/hadolint" ] || "$(BIN)/hadolint" Dockerfile
	@"$(BIN)/lint-imports" --no-cache > /tmp/canon-imports.$$$$ 2>&1 && tail -1 /tmp/canon-imports.$$$$ || { cat /tmp/canon-imports.$$$$; exit 1; }; rm -f /tmp/canon-imports.$$$$

lint-sql: ## the other half
	@$(ISOLATED) "$(BIN)/python" -m tests.lint_sql

migrate: install ## create the tables the database lacks (ARGS=--plan: only say what it would do)
	@$(CANON) migrate $(ON_PROJECT) $(ARGS)

pull: install ## read the CRM into attio_mirror
	@$(CANON) pull $(ON_PROJECT) $(ARGS)

build: install ## dbt build: models, seeds and data tests
	@$(DBT) build --exclude-resource-type unit_test $(ARGS)

plan: install ## what a sync would change in Attio, and why
	@$(CANON) plan $(ON_PROJECT) $(ARGS)

sync: install ## push to Attio what changed
	@$(CANON) sync $(ON_PROJECT) $(ARGS)

duplicates: install ## which companies in the CRM are copies of each other
	@$(CANON) duplicates $(or $(ARGS),plan) $(ON_PROJECT)

docs: install ## dbt docs: models, columns, lineage, as one page to open in a browser
	@$(DBT) docs generate --static --target-path target/docs --quiet
	@echo "open $(abspath_project)/dbt_project/target/docs/static_index.html"

serve: install ## the endpoints that take in and look up companies
	@$(CANON) serve $(ON_PROJECT) $(ARGS)

sandbox: install ## a strict stand-in for Attio on this machine
	@$(CANON) sandbox $(ON_PROJECT) $(ARGS)

doctor: install ## is everything as it should be, and what to do if not
	@$(CANON) doctor $(ON_PROJECT) $(ARGS)

bench: install ## how fast it is, beside a naive loop
	@$(ISOLATED) "$(BIN)/python" -m demo.bench $(ARGS)

stop: install ## stop the embedded database and the sandbox, the demo's too
	@for checkout in "$(PROJECT)" .local/demo .local/bench; do \
	  [ ! -d "$$checkout/.local" ] || CANON_PROJECT_DIR="$$checkout" "$(BIN)/python" -m sync.localdb stop; \
	done

clean: stop ## delete what was generated and, after asking, the embedded databases
	@rm -rf dbt_project/target dbt_project/logs .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@if [ -d .local ]; then \
	  printf 'Delete the embedded databases in .local, with everything in them? [y/N] '; read -r answer || true; \
	  case "$$answer" in \
	    [yY]*) for checkout in . .local/demo .local/bench; do \
	        [ ! -d "$$checkout/.local" ] || CANON_PROJECT_DIR="$$checkout" "$(BIN)/python" -m sync.localdb remove; \
	      done; rm -rf .local;; \
	    *) echo 'kept .local';; \
	  esac; \
	fi
	@rm -rf .venv
