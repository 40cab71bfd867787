# wirespeak: each target makes what it needs. Needed beforehand: Python 3.11 or newer, and make; on Debian, apt for the rest.

SHELL  := /bin/sh
PYTHON  = $(or $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done),python3)
PY     := .venv/bin/python
PIP    := $(PY) -m pip --quiet --disable-pip-version-check
FUZZ   := 20

.PHONY: help up test check format diagrams bench fuzz soak peers clean
.NOTPARALLEL:

help:           ## this list
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

up: .venv/.run  ## the little internet, on this machine (options: make up ARGS="--ephemeral")
	@.venv/bin/wirespeak up $(ARGS)

test: check peers  ## everything that CI checks: check, a short fuzz, and all tests (some: make test ARGS="tests/http -k chunked")
	@$(PY) -m compileall -q src bench tests
	$(PY) -m tests.fuzz --seconds $(FUZZ) --seed 9112
	$(PY) -m pytest $(ARGS)

check: .venv/.dev  ## ruff and mypy --strict
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

format: .venv/.dev  ## lay out the code, and mend what ruff can mend
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

diagrams: .venv/.run  ## draw the READMEs' state diagrams anew from their tables
	$(PY) scripts/diagrams.py

bench: .venv/.dev peers .peers/.done  ## side by side with the peers; results in bench/results/
	$(PY) -m bench $(ARGS)

fuzz: .venv/.dev  ## ten minutes of each parser's fuzz target, two at a time (one: make fuzz ARGS="--target server")
	$(PY) -m tests.fuzz --seconds 600 --each $(ARGS)

soak: .venv/.dev peers  ## the tests that take minutes, one after the other
	$(PY) -m pytest -m soak --numprocesses=0 --timeout=0 $(ARGS)

peers: .venv/.dev  ## Debian's packages that the tests talk with (peers.apt)
	@$(PY) -m scripts.peers

clean:          ## away with all that make has made here
	rm -rf .venv .peers .unpacked build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The environment: first what running needs, then what developing needs; made anew when pyproject.toml changes.

# pip is the last thing to come into a new environment: with it there, the environment is whole.
.venv/bin/pip:
	@$(PYTHON) -m scripts.venv

.venv/.run: pyproject.toml | .venv/bin/pip
	$(PIP) install --editable .
	@touch $@

.venv/.dev: pyproject.toml | .venv/.run
	$(PIP) install --editable '.[test,fuzz,dev]'
	@touch $@

# The benchmark's Python peers stand in an environment of their own, so that nothing of theirs can leak into ours.

.peers/.done: bench/peers.txt | .venv/bin/pip
	$(PY) -m venv --clear .peers
	.peers/bin/python -m pip --quiet --disable-pip-version-check install --requirement bench/peers.txt
	@touch $@
