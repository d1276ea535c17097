# Two commands set everything up on a fresh machine: `make deploy` and `make test`.
UV ?= $(shell command -v uv || echo .uv/bin/uv)
PYTHON := .venv/bin/python
PYINFRA := .venv/bin/pyinfra
INVENTORY ?= $(shell lab/choose.sh)
N ?= 1
CHIPS ?= m4max
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup target deploy dry verify open demo-data plan test lint bench lab-up lab-down

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/synced ## install what Drydock itself needs, into .venv

.uv/bin/uv:
	@echo "Installing uv, which installs the rest, into .uv"
	@python3 -m venv .uv 2>/dev/null || { echo "Installing python3-venv (apt-get)" \
		&& apt-get update -q && apt-get install -q -y python3-venv && python3 -m venv .uv; }
	@.uv/bin/pip install -q --require-hashes --only-binary :all: -r requirements/uv.txt

.venv/synced: pyproject.toml uv.lock | $(UV)
	@echo "Installing the locked Python packages into .venv"
	@$(UV) sync --frozen --compile-bytecode
	@touch $@

# A Mac, or a Linux machine with a daemon, is deployed to itself; else a simulated Mac is started.
target: setup
	@$(PYTHON) -m compileall -q facts link operations stack # pyinfra itself writes no bytecode
	@case "$(INVENTORY)" in lab/*) $(PYTHON) -m lab up --n $(N) --chips $(CHIPS) ;; esac

deploy: target ## converge this machine, or a simulated Mac where there is no Docker
	$(PYINFRA) $(INVENTORY) deploy.py -y $(ARGS)

dry: target ## what `make deploy` would change, with the files' diffs
	$(PYINFRA) $(INVENTORY) deploy.py --dry --diff $(ARGS)

verify: target ## whether what runs is what was deployed
	$(PYINFRA) $(INVENTORY) verify.py -y $(ARGS)

open: target ## the pages and endpoints, on this machine, until Ctrl-C
	$(PYINFRA) $(INVENTORY) open.py -y $(ARGS)

demo-data: target ## let the running stack trade on simulated prices
	$(PYINFRA) $(INVENTORY) demo.py -y $(ARGS)

plan: setup ## the map that an M4 Max with 36 GB gets, and what is wrong with it
	@$(PYTHON) -m stack plan --sysctl lab/macs/m4max.txt --docker-info lab/macs/docker-info-m4max.json $(ARGS)

test: setup ## all tests; those in the lab need Linux and root
	@UV="$(UV)" tests/run.sh $(ARGS)

lint: setup ## ruff and mypy, Nautilus' in its own environment
	$(UV) run --frozen ruff check .
	$(UV) run --frozen ruff format --check .
	$(PYTHON) -m mypy
	$(UV) sync --quiet --frozen --project nautilus
	cd nautilus && .venv/bin/python -m mypy

bench: setup ## measure, side by side with the peers
	@$(UV) sync --frozen --compile-bytecode --group bench
	@$(UV) sync --quiet --frozen --project nautilus # a client of its stores, and the marketdata engine's ticks
	$(PYTHON) -m bench $(ARGS)

lab-up: setup ## simulated Macs: make lab-up N=2 CHIPS=m4max,m1 [VM=1]
	$(PYTHON) -m lab up --n $(N) --chips $(CHIPS) $(if $(VM),--vm)

lab-down: setup ## end and remove all simulated Macs
	$(PYTHON) -m lab down
