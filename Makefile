# `make demo` and `make test` are all a newcomer needs: each builds .venv on its first run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HOME_DIR ?= var/demo

.PHONY: demo demo-service test lint soak bench bench-peers clean

demo: $(READY)  ## simulated places, a season of nights, tickets
	$(BIN)/sat-monitor demo --home $(HOME_DIR)

demo-service: $(READY)  ## the same, fetched from a stand-in service on loopback
	$(BIN)/sat-monitor demo --service --home $(HOME_DIR)-service

test: $(READY) lint  ## everything that CI runs
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not soak"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: $(READY)  ## long campaigns: kills, refused system calls, orders of arrival; 45 minutes
	$(BIN)/python -m pytest -n auto --dist load -m soak

bench: $(READY)  ## every claimed figure, one after the other
	$(BIN)/python benchmarks/sar.py
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/romania.py
	$(BIN)/python benchmarks/series.py
	$(BIN)/python benchmarks/world.py
	$(BIN)/python benchmarks/tama.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/inversion.py
	$(BIN)/python benchmarks/network.py worlds
	$(BIN)/python benchmarks/network.py speed
	$(BIN)/python benchmarks/deformation.py --seeds 12
	$(BIN)/python benchmarks/tickets.py

bench-peers: $(READY)  ## accuracy and speed beside peers, in an environment of their own under var/peers
	$(BIN)/python benchmarks/peer_env.py
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/insar_peers.py

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; call: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
	  echo "The venv module is missing; trying to install it"; \
	  { [ "$$(id -u)" = 0 ] && apt-get install -y -q python3-venv; } || \
	  { echo "Please install python3-venv (Debian, Ubuntu: sudo apt install python3-venv)"; exit 1; }; \
	  $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) var build dist .pytest_cache .mypy_cache .ruff_cache
