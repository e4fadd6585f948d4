# make demo    trains, folds, verifies and writes Verilog: the whole way on a small network
# make test    everything that is tested;  make test-fast  the part that takes minutes
# Both make .venv first, each with what it uses, and reuse it while nothing it depends on has changed.

export YOWASP_CACHE_DIR := $(CURDIR)/.venv/yowasp-cache
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: demo test test-fast lint setup setup-demo setup310 clean

demo: setup-demo
	@$(BIN)/spikexact demo $(ARGS)

test: setup setup310 lint
	$(PYTEST) -m "not slow"
	$(PYTEST) -m slow

test-fast: setup lint
	$(PYTEST) -m "not slow"

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

setup:
	@sh tools/setup.sh .venv test

setup-demo:
	@sh tools/setup.sh .venv demo

setup310:
	@sh tools/setup.sh .venv310

clean:
	rm -rf .venv .venv310 build demo
