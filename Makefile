# Two commands to begin with: `make demo` shows what minigrad does, `make test` proves it.
# Both create .venv on first use and install into it; nothing outside this folder is touched.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
EXTRAS ?= test          # what `make test` installs: make test EXTRAS=test,convert,oracle,emulation
DEMO ?=                 # options of the demo: make demo DEMO=--quick
PYTEST ?= -q            # options of pytest

.PHONY: demo test test-gpu lint types clean

demo: $(VENV)/.demo
	$(RUN) -m experiments.demo $(DEMO)

test: $(VENV)/.test
	$(RUN) -m pytest $(PYTEST)

test-gpu: $(VENV)/.test
	$(RUN) -m pytest $(PYTEST) -m gpu -ra; status=$$?; $(RUN) -m tests.gpu.report; exit $$status

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(VENV)/.dev
	$(RUN) -m mypy

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "minigrad needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(RUN) -m pip install -q -e .
	touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(RUN) -m pip install -q -e '.[$(strip $(EXTRAS))]'
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(RUN) -m pip install -q -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
