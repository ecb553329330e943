# Needs python3 (3.11 or newer, with venv and pip) and make. Everything is installed into .venv, nothing elsewhere.
#   UV_TORCH_BACKEND=cpu make run    takes the CPU wheels of torch from PyTorch's own index (2 GB instead of 6)

VENV    := .venv
PYTHON  := $(VENV)/bin/python
STAMP   := $(VENV)/.installed
PYTHON3 ?= python3
DATA    ?=

.PHONY: help setup run lab test notebooks environment lock instructor clean

help:
	@echo "make run               the whole course on drawn lesions; ends with build/demo/report.html"
	@echo "make run DATA=folder   the same on a folder that holds HAM10000"
	@echo "make lab               open the notebooks in JupyterLab"
	@echo "make test              all tests"
	@echo "make notebooks         derive the notebooks from notebooks/src and execute them"
	@echo "make environment       write environment.yml and binder/environment.yml"
	@echo "make lock              bring requirements.lock in line with pyproject.toml"
	@echo "make instructor        install nbgrader, for instructors who use it"
	@echo "make clean             remove build/"

setup: $(STAMP)

# The stamp is touched last: an interrupted installation is taken up again by the next make.
# The CPU builds of torch need none of the CUDA packages that the lock names for Linux.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The course needs Python 3.11 or newer; try: make PYTHON3=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON3) -m venv $(VENV)
	@if [ "$$UV_TORCH_BACKEND" = cpu ]; then grep -vE '^(cuda|nvidia|triton)' requirements.lock; else cat requirements.lock; fi \
	  > $(VENV)/wanted.txt
	$(PYTHON) -m pip install --quiet uv || echo "uv is not to be had: pip installs, which takes three times as long"
	@echo "Installing the packages of requirements.lock (one to five minutes)"
	if [ -x $(VENV)/bin/uv ]; then \
	  $(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PYTHON) -r $(VENV)/wanted.txt && \
	  $(VENV)/bin/uv pip install --quiet --python $(PYTHON) --no-deps -e . ; \
	else \
	  $(PYTHON) -m pip install --quiet -r $(VENV)/wanted.txt && \
	  $(PYTHON) -m pip install --quiet --no-deps -e . ; \
	fi
	touch $@

run: setup
	$(PYTHON) -m dermxai_helpers run $(if $(DATA),--data "$(DATA)")

lab: setup
	$(PYTHON) -m dermxai_helpers lab

# One thread per process and two processes: the tests are made for two cores. The road runs also when a test failed.
test: setup
	@OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q -n 2 --dist loadscope -m "not road"; units=$$?; \
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q -m road; road=$$?; \
	exit $$(( units || road ))

notebooks: setup
	$(PYTHON) .ci/notebooks.py

environment: setup
	$(PYTHON) .ci/environment.py

lock: setup
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --extra test -q -o requirements.lock pyproject.toml

instructor: setup
	$(PYTHON) -m pip install --quiet -e '.[instructor]'

clean:
	rm -rf build
