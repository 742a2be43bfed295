# make help lists the targets. Each one creates .venv when it is missing.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 5000
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-launchers test-server test-browser test-wheel notebook lint format gpu-check app ui train clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed  ## Create .venv and install everything in its tested version

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found; make PYTHON=python3 …"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: setup  ## Restore the sample photo from a blurred copy of it
	$(BIN)/python run.py degradation=blur
	@echo "Compare runs: make ui"

test: setup  ## The quick tests: offline, on the CPU
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not browser"

test-all: setup  ## The slow tests, too; those that need more packages say which (test-launchers, test-server, test-browser)
	$(BIN)/python -m pytest -m "not browser"

test-launchers: setup  ## Every launcher and optuna, Ray included (its packages are installed on top)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,ray]'
	$(BIN)/python -m pytest tests/end_to_end/test_launchers.py tests/end_to_end/test_apart.py tests/end_to_end/test_kill.py

test-server: setup  ## A real MLflow server: shared, over PostgreSQL, with a password, away and back
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,server]'
	$(BIN)/python -m pytest tests/end_to_end/test_server.py tests/end_to_end/test_server_lost.py tests/end_to_end/test_password.py tests/end_to_end/test_two_sweeps.py

test-browser: setup  ## MLflow's UI and the report in headless Chromium (apt-get install chromium)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,browser]'
	$(BIN)/python -m pytest -m browser

test-wheel: setup  ## The installed package: command, package data, another folder
	$(BIN)/python -m pytest tests/packaging/test_wheel.py

notebook: setup  ## Run docs/quickstart.ipynb and keep what its cells show
	$(BIN)/python -m tests.packaging.notebook docs/quickstart.ipynb

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## Let ruff put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

gpu-check: setup  ## One page about this machine's GPU, in nine minutes: outputs/gpu.md (CLONE=folder: NVIDIA's loop beside)
	$(BIN)/python -m benchmarks.gpu_check $(if $(CLONE),--clone $(CLONE))

app: setup  ## Open the page on which a photo is restored: choose, say what is wrong, download
	$(BIN)/python -m sweeps app

ui: setup  ## Open the MLflow UI over the project's runs
	$(BIN)/python -m sweeps ui --port $(PORT)

train: setup  ## Train the embedded generator again (hours; continued when stopped)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,training]'
	$(BIN)/python -m training.train

clean:  ## Remove .venv and caches; runs and downloads stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
