# Each target makes .venv first and is quick when it is there.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Most tests wait for a process or a socket: two processes halve the time. A file's tests share fixtures.
PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses=$(PROCESSES) --dist=loadfile
# Tests start hundreds of processes: what one has compiled, the next need not.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo docs test test-all coverage lint translations audit sbom clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: install
	$(BIN)/lookalike demo

# The documentation as a site in build/site; a broken link fails it.
docs: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: install
	$(PYTEST) -m 'not slow'

# The slow tests in processes of their own: those of the fast ones hold three gigabytes each by then.
test-all: test
	$(PYTEST) -m slow

coverage: install
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses=$(PROCESSES) --dist=loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# Finds the texts that visitors read and compiles their translations.
translations: install
	$(BIN)/python -m lookalike.locales.update

# Asks PyPI's advisories, so it needs the internet; a package that it cannot ask about fails it.
audit: install
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r constraints.txt

# The packages of the environment with their versions and licences, in CycloneDX's format.
sbom: install
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o sbom.cdx.json

clean:
	rm -rf $(VENV) .demo build dist .coverage* sbom.cdx.json *.egg-info .pytest_cache .mypy_cache .ruff_cache
