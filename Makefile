# `make` alone prints this help.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 3
PY     := $(VENV)/bin/python
SECONDS ?= 30
MINUTES ?= 60
FUNCTION_PYTHON ?= $(PY)
NODE   := tests/node/node_modules/.installed
# What needs no program but Python.
UNIT   := -m "not servers and not slow" -n $(JOBS) tests/unit tests/store
# Deno comes with the packages of the tests; it formats and checks JavaScript without Node.
DENO   := $(VENV)/bin/deno
JS     := clients/js/grip-lambda.js clients/js/*.ts clients/js/grip-lambda/*.js grip_lambda/web/static/*.js \
          tests/node/*.mjs tests/node/*.ts examples/*.mjs bench/peers/servers/*.mjs
# Their markup is in templates, which deno would break.
VIEWS  := grip_lambda/web/static/console/*.js

.PHONY: soak fuzz chaos container-test bundle dist reference screenshots vendor help run cluster check unit coverage test test-function function lint js-lint format bench bench-peers bench-cluster bench-large bench-services install pushpin redis nginx ss systemd haproxy wrk node chromium clean purge

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runs pushpin nginx  ## Start everything and print how to use it (PORT=7999, HOST=…, WORKERS=2)
	@exec $(PY) -m grip_lambda serve

cluster: $(VENV)/.runs pushpin redis nginx  ## Start a whole deployment (NODES=3, BACKENDS=4, PORT, HOST)
	@exec $(PY) -m grip_lambda cluster

check: lint unit  ## Check all that needs no server: style, types, and the unit tests

unit: install  ## Run the tests that need no server
	@$(PY) -m pytest -q $(UNIT)

coverage: install  ## Tell what the unit tests reach; the lines are in build/coverage/html
	@mkdir -p build/coverage
	@$(PY) -m pytest -q $(UNIT) --cov --cov-report=term --cov-report=html

test: install pushpin redis nginx ss systemd haproxy chromium $(NODE)  ## Run the whole test suite against real servers
	@$(PY) -m pytest -m "not alone and not breaks" -n $(JOBS) --dist loadfile
	@$(PY) -m pytest -m breaks -n 2 --dist loadfile
	@$(PY) -m pytest -m alone

lint: install js-lint  ## Check style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

js-lint: install  ## Check the style of the JavaScript
	@$(DENO) lint --quiet --config tools/deno.json $(JS) $(VIEWS)
	@$(DENO) fmt --quiet --check --config tools/deno.json $(JS)

format: install  ## Put the code into the usual form
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .
	@$(DENO) fmt --quiet --config tools/deno.json $(JS)

bench: install pushpin nginx  ## Measure calls beside the floor; `python -m bench` lists more
	@$(PY) -m bench.calls

bench-peers: install pushpin redis nginx wrk node  ## Measure calls beside other ways to make them (QUICK=1)
	@$(PY) -m bench.peers

bench-cluster: install pushpin redis nginx  ## Measure clusters with 16 and with 5,000 lambdas
	@$(PY) -m bench.cluster

bench-services: install pushpin redis nginx  ## Measure services of 16 and of 1,000 hosts
	@$(PY) -m bench.services

bench-large: install pushpin  ## Measure large calls to few hosts: what is lost, and latency
	@for workers in 2 4; do $(PY) -m bench.large --workers $$workers; done

vendor: install node  ## Fetch the console's libraries anew, as tools/vendor.json pins them
	@$(PY) tools/vendor.py

bundle: install  ## Write the JavaScript library into one file, clients/js/grip-lambda.bundle.js
	@$(PY) tools/bundle.py

reference: install  ## Write every command and option into docs/command-line.md
	@$(PY) -m tools.reference

screenshots: install pushpin nginx chromium  ## Take the pictures of the console in docs/images
	@$(PY) -m tools.screenshots

chaos: install pushpin redis nginx  ## Break one part after the other, and count broken promises (six minutes)
	@$(PY) -m trust.chaos

fuzz: install  ## Search each parser for an error that nobody expects (SECONDS=30 for each)
	@$(PIP) 'atheris>=3,<4' && $(PY) -m trust.fuzz --seconds $(SECONDS)

soak: install pushpin nginx  ## Run mixed traffic, and tell whether anything grows (MINUTES=60)
	@$(PY) -m trust.soak --minutes $(MINUTES)

container-test:  ## Build the container without a daemon, and use it (as root; two minutes)
	@tools/container-test

test-function: install pushpin redis  ## Run the core of the tests with the application as a function
	@$(PY) -m pytest --all-in-function -k "function and not serve" tests/integration

dist: install pushpin nginx node  ## Make and check what a release publishes: wheel, sdist and npm package, in build/dist
	@rm -rf build/dist && mkdir -p build/dist
	@$(PY) -m build --outdir build/dist
	@npm pack --silent --pack-destination build/dist ./clients/js
	@$(PY) -m twine check --strict build/dist/*.whl build/dist/grip_lambda-*.tar.gz
	@$(PY) -m pytest -q tests/unit/test_packaging.py tests/integration/test_installed.py

function: install  ## Put what AWS Lambda needs into build/function (FUNCTION_PYTHON=python3.13)
	@rm -rf build/function
	@$(FUNCTION_PYTHON) -m pip install --quiet --disable-pip-version-check --target build/function '.[faas]'

install: $(VENV)/.installed  ## Make the virtual environment, with what tests need

# Everything is started as a module: that also works after the folder was renamed.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

$(VENV)/.runs: pyproject.toml
	@test -x $(PY) || { echo "making the virtual environment $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "installing what the server needs into $(VENV) ..."
	@$(PIP) --editable '.[server,redis]'
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.runs
	@echo "installing what the tests need into $(VENV) ..."
	@$(PIP) --editable '.[dev,server,redis,faas]'
	@touch $@

# The Lambda API's own Node client, and the JavaScript library's tools. Tests run the examples that
# are shell scripts, which need curl.
$(NODE): tests/node/package.json tests/node/package-lock.json | node
	@command -v curl >/dev/null || tools/apt-install curl
	@echo "installing the Node packages of the tests ..."
	@npm ci --prefix tests/node --no-audit --no-fund --silent
	@touch $@

redis:
	@command -v redis-server >/dev/null || tools/apt-install redis-server

wrk:
	@command -v wrk >/dev/null || tools/apt-install wrk

node:
	@command -v npm >/dev/null || tools/apt-install nodejs npm

# ss, of the package iproute2, tells what the kernel has received on a connection: tests read there
# what was published to a Pushpin that subscribed to nothing.
ss:
	@command -v ss >/dev/null || tools/apt-install iproute2

# systemd-analyze checks the units in deploy/systemd; nothing of it is started.
systemd:
	@command -v systemd-analyze >/dev/null || tools/apt-install systemd

# A proxy before the server, as in docs/proxies.md.
haproxy:
	@PATH="$$PATH:/usr/sbin" command -v haproxy >/dev/null || tools/apt-install haproxy

chromium:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || tools/apt-install chromium chromium-driver

nginx:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || tools/apt-install nginx-light

pushpin:
	@command -v pushpin >/dev/null || tools/apt-install pushpin

clean:  ## Remove the virtual environment and what was built; `data` stays
	rm -rf $(VENV) build tests/node/node_modules bench/peers/node_modules

purge: clean  ## Remove `data` as well: the secrets, the API keys and the store of `make run`
	rm -rf data
