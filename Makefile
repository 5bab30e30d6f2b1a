# Two commands to begin with: `make demo` shows what minigrad does, `make test` proves it.
# Both create .venv on first use and install into it; nothing outside this folder is touched.
#
# What they install is locked: locks/NAME.txt holds the versions and checksums of all that minigrad with the extra NAME
# of pyproject.toml needs (locks/core.txt: without extras), so that tomorrow's release of a package breaks nothing.
# `make lock` brings the locks up to date. PyTorch is the exception: its version is locked, its checksum is not, since
# one version is published in many builds (CPU, CUDA, ROCm) and the one that pip is set up to find should be taken.
# On Linux that is the build with CUDA, some gigabytes, unless pip is told of an index with CPU builds.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PIP = $(RUN) -m pip install -q --disable-pip-version-check
EXTRAS ?= test          # what `make test` installs: make test EXTRAS=test,convert,oracle,emulation,notebooks,mpi
DEMO ?=                 # options of the demo: make demo DEMO=--quick
PYTEST ?= -q            # options of pytest
TESTS ?=                # which tests: make test TESTS=tests/minigrad/ops
# The whole suite is shared out over the cores; a part of it runs in one process, where output and debugger work.
WORKERS ?= $(if $(strip $(TESTS)),0,auto)
PARALLEL = -n $(WORKERS) --maxprocesses 8 --dist worksteal
CORE_TESTS = tests/minigrad tests/nets  # what must hold with the newest and the oldest packages

comma = ,
KNOWN = test convert oracle emulation notebooks distributed mpi dev cuda12 cuda13
CHOSEN = $(subst $(comma), ,$(strip $(EXTRAS)))
INSTALLED = $(VENV)/.minigrad $(CHOSEN:%=$(VENV)/.%)

ifneq ($(filter-out $(KNOWN),$(CHOSEN)),)
$(error EXTRAS=$(strip $(EXTRAS)): there is no extra "$(firstword $(filter-out $(KNOWN),$(CHOSEN)))"; there are $(KNOWN))
endif

.PHONY: demo test test-gpu test-newest test-oldest mutate robustness coverage lint types lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/.minigrad
	$(RUN) -m experiments.demo $(DEMO)

test: $(INSTALLED)
	$(RUN) -m pytest $(PARALLEL) $(PYTEST) $(TESTS)

test-gpu: $(INSTALLED)
	$(RUN) -m pytest $(PYTEST) -m gpu -ra; status=$$?; $(RUN) -m tests.gpu.report; exit $$status

# The newest packages that pyproject.toml allows today, whatever the locks say, in an environment of their own.
test-newest: VENV := $(VENV)-newest
test-newest:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade --upgrade-strategy eager -e '.[test]'
	$(RUN) -m pytest $(PARALLEL) $(PYTEST) $(CORE_TESTS)

# The oldest ones, which are made for the oldest Python.
test-oldest: VENV := $(VENV)-oldest
test-oldest:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "the oldest packages need Python 3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r locks/oldest.txt
	$(RUN) -m pytest $(PARALLEL) $(PYTEST) $(CORE_TESTS)

# Bugs planted in every derivative: which does the gradient table see? Some minutes.
mutate: $(INSTALLED)
	$(RUN) -m tests.helpers.mutation

# Damaged files, absurd command lines, crafted checkpoints, kills and full disks, many of each. An hour or more.
robustness: export MINIGRAD_ROBUSTNESS ?= 1000
robustness: export MINIGRAD_CRAFTED ?= 2000
robustness: export MINIGRAD_KILLS ?= 4
robustness: export MINIGRAD_FULL_DISK ?= 4
robustness: $(INSTALLED)
	$(RUN) -m pytest $(PYTEST) tests/robustness tests/experiments/gan/test_crafted_checkpoints.py

# Which lines the tests run, as a table; PYTEST="-q -x" and TESTS=... as for `make test`.
coverage: $(INSTALLED) $(VENV)/.dev
	$(RUN) -m coverage run --source minigrad,nets,experiments,weights_converter -m pytest $(PYTEST) $(TESTS)
	$(RUN) -m coverage report --skip-covered --sort cover

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(VENV)/.dev
	$(RUN) -m mypy

# ----------------------------------------------------------------------------------- the environment

$(RUN):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "minigrad needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# editable_mode=compat: this folder goes onto the path. Else a script beside a clone that is itself called minigrad would
# import the clone's folder, which is no package, in place of the package in it.
$(VENV)/.minigrad: $(VENV)/.core pyproject.toml
	$(PIP) --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	touch $@

$(VENV)/.oracle: locks/oracle.txt locks/torch.txt $(RUN)
	$(PIP) --require-hashes -r locks/oracle.txt
	$(PIP) -r locks/torch.txt
	touch $@

$(VENV)/.%: locks/%.txt $(RUN)
	$(PIP) --require-hashes -r $<
	touch $@

# Each lock holds versions for all systems and for Python 3.11 and newer; all of them agree, since they are made from
# one resolution. locks/oldest.txt has the lowest versions that pyproject.toml allows.
COMPILE = $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --custom-compile-command 'make lock' --group build pyproject.toml

lock: $(VENV)/bin/uv
	mkdir -p locks && rm -f locks/*.txt
	$(COMPILE) --all-extras -o locks/all.txt
	for extra in $(KNOWN); do \
	  $(COMPILE) --generate-hashes -c locks/all.txt --no-emit-package torch --extra $$extra -o locks/$$extra.txt || exit 1; done
	$(COMPILE) --generate-hashes -c locks/all.txt -o locks/core.txt
	$(COMPILE) --generate-hashes --resolution lowest-direct --extra test -o locks/oldest.txt
	grep '^torch==' locks/all.txt > locks/torch.txt
	rm locks/all.txt

$(VENV)/bin/uv: $(RUN)
	$(PIP) uv
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-newest $(VENV)-oldest build *.egg-info
