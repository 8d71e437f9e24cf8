# `make` alone prints this help.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 3
PY     := $(VENV)/bin/python
FUNCTION_PYTHON ?= $(PY)
NODE   := tests/node/node_modules/.installed

.PHONY: help run cluster test test-function function lint format bench bench-cluster install pushpin redis haproxy ss chromium clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runs pushpin  ## Start everything and print how to use it (PORT=7999, WORKERS=2)
	@exec $(PY) -m grip_lambda serve

cluster: $(VENV)/.runs pushpin redis haproxy  ## Start a whole deployment (NODES=3, BACKENDS=4, PORT=7999)
	@exec $(PY) -m grip_lambda cluster

test: install pushpin redis haproxy ss chromium $(NODE)  ## Run the whole test suite against real servers
	@$(PY) -m pytest -m "not alone and not breaks" -n $(JOBS) --dist loadfile
	@$(PY) -m pytest -m breaks -n 2 --dist loadfile
	@$(PY) -m pytest -m alone

lint: install  ## Check style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

format: install  ## Put the code into the usual form
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

bench: install pushpin  ## Measure calls through Pushpin beside the floor
	@$(PY) -m bench.calls

bench-cluster: install pushpin redis haproxy  ## Measure clusters with 16 and with 5,000 lambdas
	@$(PY) -m bench.cluster

test-function: install pushpin redis  ## Run the core of the tests with the application as a function
	@$(PY) -m pytest --all-in-function -k "function and not serve" tests/integration

function: install  ## Put what AWS Lambda needs into build/function (FUNCTION_PYTHON=python3.13)
	@rm -rf build/function
	@$(FUNCTION_PYTHON) -m pip install --quiet --disable-pip-version-check --target build/function '.[faas]'

install: $(VENV)/.installed  ## Make the virtual environment, with what tests need

# Everything is started as a module: that also works after the folder was renamed.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

$(VENV)/.runs: pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[redis]'
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.runs
	@$(PIP) --editable '.[dev,redis,faas]'
	@touch $@

# The Lambda API's own Node client, the JavaScript library's tools, and the curl beside them.
$(NODE): tests/node/package.json tests/node/package-lock.json
	@command -v npm >/dev/null || tools/apt-install nodejs npm
	@command -v curl >/dev/null || tools/apt-install curl
	@command -v ss >/dev/null || tools/apt-install iproute2
	@npm ci --prefix tests/node --no-audit --no-fund --silent
	@touch $@

redis:
	@command -v redis-server >/dev/null || tools/apt-install redis-server

ss:
	@command -v ss >/dev/null || tools/apt-install iproute2

chromium:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || tools/apt-install chromium chromium-driver

haproxy:
	@command -v haproxy >/dev/null || tools/apt-install haproxy

pushpin:
	@command -v pushpin >/dev/null || tools/apt-install pushpin

clean:  ## Remove the virtual environment and the data of `make run`
	rm -rf $(VENV) build data tests/node/node_modules
