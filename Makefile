# `make` alone prints this help.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help run test lint format bench install pushpin redis clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install pushpin  ## Start everything and print how to use it (PORT=7999, WORKERS=2)
	@exec $(BIN)/grip-lambda serve

test: install pushpin  ## Run the whole test suite against real servers
	@$(BIN)/pytest

lint: install  ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install  ## Put the code into the usual form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: install pushpin  ## Measure calls through Pushpin beside the floor
	@$(BIN)/python -m bench.calls

install: $(VENV)/.installed  ## Make the virtual environment

# Made anew when the folder was moved: its scripts name their interpreter by its full path.
$(VENV)/.installed: pyproject.toml
	@test -x $(BIN)/python && $(BIN)/pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

pushpin:
	@command -v pushpin >/dev/null || tools/apt-install pushpin

clean:  ## Remove the virtual environment and the data of `make run`
	rm -rf $(VENV) data
