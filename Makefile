# `make lab` and `make test` do all their set-up on their own. Paths are relative, so that a checkout may lie anywhere.
# Options: PYTHON=python3.12   the Python that makes .venv
#          TORCH_INDEX=url     PyTorch's own package index, asked beside the usual one (its CPU builds are small)
#          JUPYTER_ARGS=...    passed on to JupyterLab; PYTEST_ARGS=... to pytest; BENCH_ARGS=... to the benchmarks
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
LAB = JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" $(PY) -m jupyterlab
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest --durations=20
export TORCH_INDEX

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

lab: install ## open JupyterLab on your working copy of the course
	@folder="$$($(PY) -m course.workspace --quiet)" && $(home) && \
	$(LAB) --LabApp.default_url=/lab/tree/start.ipynb $(JUPYTER_ARGS) --ServerApp.root_dir="$$folder"

test: install-test ## run the test suite, but for the long tests
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env $(PYTEST_ARGS)

notebooks: install-test ## make and execute the .ipynb whose .py has changed (CH=01: that chapter, ALL=1: all)
	@$(PY) tools/notebooks.py $(CH) $(if $(ALL),--all)

author: install ## open JupyterLab on notebooks/, each .ipynb paired with its .py
	@$(home)
	$(LAB) $(JUPYTER_ARGS) --ServerApp.root_dir="$(CURDIR)/notebooks"

reset: which-chapter install ## CH=01: set your copy of a chapter aside and take a fresh one
	@$(PY) -m course.workspace --reset $(CH)

results: which-chapter install ## CH=01: record a chapter's tables and weights again (takes long)
	@OMP_NUM_THREADS=1 $(PY) -m course.results $(CH)

book: install-book ## build static pages from the executed notebooks, into build/book (CH=01: only its explorers move)
	@$(PY) tools/book.py $(CH)

check: install-test ## lint, formatting, .ipynb in step with .py, one address everywhere
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && \
	$(PY) tools/notebooks.py --check && $(PY) tools/links.py --check

bench: install-test ## measure against the budgets, one table
	@$(PY) -m tools.bench.run $(BENCH_ARGS)

gpu-check: install-test ## measure all chapters on a GPU against the CPU, one table (CH=01: that chapter)
	@$(PY) tools/gpu_check.py $(CH)

soak: install-test ## run the long tests, hours: clean environments, repeated runs, many kills
	$(PYTEST) -m soak $(PYTEST_ARGS)

links: install ## REPO=owner/name: write the repository's address everywhere
	@$(PY) tools/links.py "$(REPO)"

install: install-lab ## only make .venv and install what `make lab` needs (install-book, install-test: what those need)

install-lab install-book install-test: install-%:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; name one: make lab PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) tools/environment.py $*

which-chapter:
	@test -n "$(CH)" || { echo "error: name a chapter, for example: make $(MAKECMDGOALS) CH=01" >&2; exit 2; }

clean: ## remove .venv and caches; your working copy stays
	rm -rf .venv .wheelhouse .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

home = { test -w "$$HOME" || { echo "error: JupyterLab keeps its settings in your home, and $$HOME cannot be" \
	"written; name a folder in its place: make lab HOME=/path/to/folder" >&2; exit 1; }; }

.PHONY: help lab test notebooks author reset results book check bench soak gpu-check links install which-chapter clean
