# Needs only Python 3.11 (or later) and make. `make help` lists what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

BIN := .venv/bin
# Set-up is repeated when a lock file or the package's definition changes, and only then.
LOCKED := .venv/.installed-$(shell cat requirements/dev.lock pyproject.toml | cksum | tr ' ' '-')
BENCH_LOCKED := .venv/.bench-$(shell cksum < requirements/bench.lock | tr ' ' '-')
# The compiled core is built again when a source of the package changes.
SOURCES := $(shell find scoring handlers config words streams serving devtools cli tierstream_client \
  -type f ! -name '*.pyc' | LC_ALL=C sort)
COMPILED := .compiled/.built-$(shell cat setup.py pyproject.toml requirements/dev.lock $(SOURCES) \
  | cksum | tr ' ' '-')
# Commands in the tree with the compiled core; what they start finds it, too.
IN_COMPILED := cd .compiled/tree && CI= PYTHONPATH="$$PWD" ../../$(BIN)/python

FAULTS ?= 200
JOINS ?= 200
SEED ?= 1
PYTEST_ARGS ?=
# All tests: two processes that wait for servers most of the time, and one that computes. A choice
# of tests is done sooner in one process (0), and one core has nothing to share.
CORES := $(shell getconf _NPROCESSORS_ONLN)
PROCESSES ?= $(if $(PYTEST_ARGS)$(filter 1,$(CORES)),0,3)
BENCH_ARGS ?=
DEMO_ARGS ?=
SIDE_ARGS ?=
# Without CI=true, and without a choice, what takes long is left out, and the summary says so.
QUICK := $(if $(PYTEST_ARGS)$(filter 1 true yes,$(CI)),,--quick)

.PHONY: help setup demo test test-compiled compiled lint format words bench bench-path soak \
  side-by-side lock clean

help:
	@echo 'make demo    replay real purchases through the whole system, with a live view'
	@echo 'make test    what a change is tried with before each commit (PYTEST_ARGS="-k tiers")'
	@echo 'CI=true make test    everything (needs Java 17 and Maven)'
	@echo 'make test-compiled   the tests of the core on its compiled build'
	@echo 'make lint    style, types and import contracts only'
	@echo 'make format  let ruff put the code into its form'
	@echo 'make words   bring words/zh.po in step with the texts in the code'
	@echo 'make bench   Tierstream beside other stream processors on Apache Kafka (needs Java 17 and'
	@echo '             Maven; BENCH_ARGS="--events 200000 --repeats 1" for a short one)'
	@echo 'make bench-path  the whole path of Tierstream alone, or its stages (BENCH_ARGS=--profile)'
	@echo 'make soak    faults on Kafka, joins and leaves, and 100,000 simulated histories'
	@echo '             (FAULTS=$(FAULTS) JOINS=$(JOINS) SEED=$(SEED))'
	@echo 'make side-by-side  plain Faust under the same orders and faults (SEED=$(SEED))'
	@echo 'make lock    resolve the dependencies of pyproject.toml into requirements/*.lock'
	@echo 'make clean   remove .venv and all caches of the checkout'

setup: $(LOCKED)

$(LOCKED):
	@sh ops/venv.sh '$@'

demo: $(LOCKED)
	@$(BIN)/tierstream demo $(DEMO_ARGS)

lint: $(LOCKED)
	@echo '== ruff check' && $(BIN)/ruff check .
	@echo '== ruff format --check' && $(BIN)/ruff format --check .
	@echo '== mypy' && $(BIN)/mypy && $(BIN)/mypy examples
	@echo '== lint-imports' && $(BIN)/lint-imports --no-cache

test: lint
	@echo '== pytest' && $(BIN)/python -m pytest -n $(PROCESSES) --dist loadscope \
	  --no-loadscope-reorder $(QUICK) $(PYTEST_ARGS)

# The unit tests of the core, the property tests and some of the simulator's histories.
CORE_TESTS := $(shell grep -lE '^from (handlers|scoring|tests\.driver)' tests/unit/*.py) \
  tests/property tests/simulator

test-compiled: $(COMPILED)
	@echo '== pytest, compiled build' && $(IN_COMPILED) -m pytest -n $(PROCESSES) --dist loadscope \
	  --no-loadscope-reorder --quick $(or $(PYTEST_ARGS),$(CORE_TESTS))

format: $(LOCKED)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

words: $(LOCKED)
	@$(BIN)/python -m words

compiled: $(COMPILED)

$(COMPILED): $(LOCKED)
	@sh ops/compiled.sh '$@'

$(BENCH_LOCKED): $(LOCKED)
	@echo '== packages of the benchmark (once)'
	@rm -f .venv/.bench-*
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.lock
	@touch '$@'

bench: $(COMPILED) $(BENCH_LOCKED)
	@$(IN_COMPILED) -m bench.peers $(BENCH_ARGS)

bench-path: $(COMPILED)
	@$(IN_COMPILED) -m bench $(BENCH_ARGS)

soak: $(LOCKED)
	@FAULTS='$(FAULTS)' JOINS='$(JOINS)' SEED='$(SEED)' $(BIN)/python -m pytest -m soak --timeout=0 --log-cli-level=INFO $(PYTEST_ARGS)

side-by-side: $(LOCKED)
	@$(BIN)/python -m tests.side_by_side --seed '$(SEED)' $(SIDE_ARGS)

LOCK_COMMAND := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-emit-index-url --custom-compile-command 'make lock'

lock:
	@test -x $(BIN)/uv || { echo 'make lock: run `make setup` first' >&2; exit 1; }
	@$(LOCK_COMMAND) pyproject.toml -o requirements/runtime.lock
	@$(LOCK_COMMAND) pyproject.toml --extra demo --extra dev -c requirements/runtime.lock \
	  -o requirements/dev.lock
	@$(LOCK_COMMAND) requirements/build.in -c requirements/dev.lock -o requirements/build.lock
	@$(LOCK_COMMAND) requirements/build-compiled.in -c requirements/dev.lock \
	  -o requirements/build-compiled.lock
	@$(LOCK_COMMAND) pyproject.toml --extra demo --extra dev --extra bench \
	  -c requirements/dev.lock -o requirements/bench.lock
	@for folder in bench/peers/*/requirements.in; do \
	  folder=$${folder%/*}; \
	  $(LOCK_COMMAND) $$folder/requirements.in -o $$folder/requirements.lock || exit; done
	@echo 'requirements/*.lock and those of the peers of the benchmark are resolved'

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	rm -rf *.egg-info .compiled
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
