# Every target works from nothing: it first makes .venv, and rebuilds it only when the pins or the project's metadata change.
.DEFAULT_GOAL := help
.PHONY: help demo test lint types bench clean
.DELETE_ON_ERROR:

BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install
JOBS := 2
CANDIDATES := python3.13 python3.12 python3.11 python3

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## run two decisions on a real Temporal server and stay up; Ctrl-C ends it
	@$(BIN)/voicehive demo

test: $(INSTALLED) ## run the whole test suite; ARGS="-k storage" narrows it, JOBS=0 runs it in one process
	@$(BIN)/python -m workers.temporal_cli >/dev/null
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

lint: $(INSTALLED) ## check style and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(INSTALLED) ## check types, strictly
	@$(BIN)/pyright

bench: $(INSTALLED) ## run every benchmark; each prints its ratio to a peer
	@$(BIN)/python -m workers.temporal_cli >/dev/null
	@failed=; for script in benchmarks/*.py; do \
	    echo "== $$script"; $(BIN)/python -m "benchmarks.$$(basename $$script .py)" || failed="$$failed $$script"; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

clean: ## remove what the project made here: .venv, caches and the demo's data (.voicehive)
	@if [ -e .voicehive/server.json ]; then \
	    echo "A server may still be running on .voicehive: end it first (or delete .voicehive/server.json)." >&2; exit 1; fi
	rm -rf .venv .voicehive .pytest_cache .ruff_cache .hypothesis dist
	find . -name .git -prune -o -type d -name __pycache__ -exec rm -rf {} +
	@echo "Kept for other checkouts: the Temporal CLI and test server in $${XDG_CACHE_HOME:-$$HOME/.cache}/voicehive"

$(INSTALLED): .venv/.pinned pyproject.toml
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.pinned: constraints.txt
	@python=; for candidate in $(CANDIDATES); do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer is needed, and none of $(CANDIDATES) is one: install it (on Debian and Ubuntu: apt-get install python3 python3-venv)." >&2; exit 1; fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python has no venv module: install it (on Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; fi; \
	echo "Installing into .venv with $$($$python --version) (a minute or two, this once) ..."; \
	$$python -m venv .venv
	@$(PIP) --require-hashes --requirement constraints.txt
	@touch $@
