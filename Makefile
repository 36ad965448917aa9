# make demo    install into .venv, then score two baselines and a small STINet on the embedded clips (no download, no GPU)
# make test    install into .venv, then ruff, mypy and pytest
# make help    all targets
#
# PYTHON=python3.13       another Python (3.11 or newer)
# VENV=DIR                another place than .venv
# TORCH_INDEX=URL         take PyTorch from there; on Linux without a GPU,
#                         https://download.pytorch.org/whl/cpu saves some gigabytes of CUDA libraries
# PYTEST_ARGS="-k speed"  passed on to pytest

VENV ?= .venv
TORCH_INDEX ?=
PYTEST_ARGS ?=
WORKERS ?= 2

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null && $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
endif

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CORE := $(VENV)/.installed
TEST := $(VENV)/.installed-test

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench wheel-check install clean

help:
	@echo 'make demo         install, score two baselines and a small STINet on the embedded clips, show table and picture'
	@echo 'make test         install, ruff, mypy, pytest'
	@echo 'make lint         ruff and mypy only'
	@echo 'make bench        benchmarks: ratios against something timed in the same run'
	@echo 'make wheel-check  build sdist and wheel; the wheel must work in another environment'
	@echo 'make install      only install into $(VENV)'
	@echo 'make clean        remove $(VENV) and caches; results stay'
	@echo 'Variables: PYTHON=python3.13  VENV=DIR  TORCH_INDEX=URL  PYTEST_ARGS=...'

# The stamp files say that pip has done what pyproject.toml asks for.
$(CORE): pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is wanted; none found. Next: install it, or make PYTHON=/path/to/python3' >&2; exit 2; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo 'Python 3.11 or newer is wanted. Found:' "$$($(PYTHON) --version 2>&1)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); echo 'No venv could be made. On Debian and Ubuntu: apt install python3-venv' >&2; exit 2; }
	@echo 'Installing into $(VENV). PyTorch is large: this takes minutes, once.'
	$(if $(TORCH_INDEX),$(PIP) install --quiet torch --index-url $(TORCH_INDEX))
	$(PIP) install --quiet --editable .
	@touch $@

$(TEST): $(CORE)
	$(PIP) install --quiet --editable '.[test]'
	@touch $@

install: $(CORE)

demo: $(CORE)
	$(BIN)/harness run --method bicubic --method farneback+bicubic --method stinet-s --dataset demo

lint: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

bench: $(TEST)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python -m "benchmarks.$$(basename $$script .py)" || exit 1; done

# sdist, wheel out of the sdist, and the wheel in another environment, away from the checkout. That one borrows the
# dependencies of $(VENV), after its own packages: what is checked is that the wheel is whole.
wheel-check: $(TEST)
	rm -rf build/wheel-check && mkdir -p build/wheel-check
	$(BIN)/python -m build --outdir build/wheel-check . >build/wheel-check/build.log 2>&1 || { cat build/wheel-check/build.log; exit 1; }
	$(BIN)/python -m venv --without-pip build/wheel-check/venv
	$(PIP) --python build/wheel-check/venv/bin/python install --quiet --no-deps build/wheel-check/*.whl
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' \
		>"$$(build/wheel-check/venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/zz_borrowed.pth"
	cd build/wheel-check && venv/bin/python -c 'import harness; assert "wheel-check" in harness.__file__, harness.__file__'
	cd build/wheel-check && venv/bin/harness list methods >/dev/null && venv/bin/harness doctor
	@ls -l build/wheel-check/*.whl build/wheel-check/*.tar.gz

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
