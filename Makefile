# Two commands matter: `make book` runs every chapter and builds the book, `make test` runs every check.
# Each target first prepares an environment: the active one if there is one, else .venv (tools/setup_env.py).
PYTHON ?= python3
PROFILE ?= quick
JOBS ?= 2
PY = $(shell $(PYTHON) tools/setup_env.py --where)

.PHONY: help setup book test models serve clean
help:
	@echo "make book    run the notebooks (PROFILE=quick|full) and build book/_build/html/index.html"
	@echo "make test    every check: tests, style, notebooks, book, pages in a browser"
	@echo "make models  train the models that chapters share, into data/models/ (minutes to hours)"
	@echo "make serve   look at the built book at http://localhost:8000"
	@echo "make clean   remove what was built; .venv stays"

setup:
	@$(PYTHON) tools/setup_env.py

book: setup
	@$(PY) tools/build_book.py --profile $(PROFILE) --jobs $(JOBS)

test: setup
	@JOBS=$(JOBS) $(PY) -m pytest -m "book or not book"

models: setup
	@$(PY) tools/train_models.py

serve: setup
	@$(PY) -m http.server --directory book/_build/html 8000

clean:
	rm -rf book/_build dist .pytest_cache .ruff_cache .hypothesis
