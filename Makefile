# `make` alone lists what there is. All of it needs make and Python 3.11, and makes its own environment in .venv.

PYTHON ?=
export PYTHON

IN_VENV = .venv/bin/python -m
STREETDECILES = $(IN_VENV) streetdeciles

# The markers of tests that have targets of their own.
SLOW = whole or cluster or browser or compare or spark4 or soak

# What `make test-runtimes` tries: a file of packages for each.
RUNTIMES = $(basename $(notdir $(wildcard requirements/runtimes/*.txt)))

PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/pip-compile --quiet --upgrade --strip-extras --allow-unsafe \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help demo london sample test test-whole test-cluster test-browser test-compare test-spark4 test-runtimes soak check bench bench-table config-doc screenshots audit lock clean \
	environment environment-dev environment-compare environment-spark4

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: environment  ## draw the demo city's photographs, run the whole pipeline on them, write report.html
	@PYTHONPATH=examples $(IN_VENV) demo_city --out output/demo_city
	@$(STREETDECILES) run --config conf/demo.yaml

london: environment  ## the paper's study at true size (4,835 areas) on invented files in the published layouts; hours
	@PYTHONPATH=examples $(IN_VENV) published_layouts london_2011 --out output/london_2011
	@$(STREETDECILES) run --config conf/london_2011.yaml

sample: environment  ## the same pipeline on real photographs
	@$(STREETDECILES) run --config conf/sample.yaml

test: environment-dev  ## all tests but those of the next seven, in two processes
	$(IN_VENV) pytest -n 2 --dist loadfile -m "not ($(SLOW))"

test-whole: environment-dev  ## tests that run all stages: the demo, published tables, damaged and hostile inputs, kills
	$(IN_VENV) pytest -n 2 --dist loadfile -m whole

test-cluster: environment-dev  ## tests on a real Spark standalone cluster, and through spark-submit
	$(IN_VENV) pytest -m cluster

test-browser: environment-dev  ## the report in a headless Chromium
	$(IN_VENV) pytest -m browser

test-compare: environment-compare  ## tests against PyTorch, KerasHub, esda and an S3 server
	.venv-compare/bin/python -m pytest -m compare

test-spark4: environment-spark4  ## on Spark 4 and NumPy 2: the tests that use Spark, Databricks' tasks, all stages over Spark Connect
	.venv-spark4/bin/python -m pytest -n 2 --dist loadfile -m "spark4 or spark and not ($(SLOW))"

test-runtimes: $(RUNTIMES:%=test-on-%)  ## the Databricks bundle's tasks on other Sparks and on Databricks' packages (RUNTIMES="spark-4.1 ...")

test-on-%: environment-dev
	@sh deploy/environment_spark.sh $*
	.venv-runtimes/$*/bin/python -m pytest tests/spark4 -m runtimes

soak: environment-dev  ## kill -9 a run at 50 random moments (SOAK_KILLS), and faults on a cluster (SOAK_ROUNDS of each); compare the tables
	$(IN_VENV) pytest -m soak

check: environment-dev  ## ruff, mypy --strict, import-linter
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .
	$(IN_VENV) mypy
	PYTHONPATH=examples .venv/bin/lint-imports

bench: environment-compare  ## every benchmark, on its small size
	.venv-compare/bin/python benchmarks/run_all.py

bench-table: environment-dev  ## print the benchmarks' results and refresh the table in docs/performance.md
	.venv/bin/python benchmarks/table.py

config-doc: environment-dev  ## write docs/config.md and docs/outcomes.md: every key of a config, every outcome
	.venv/bin/python docs/config_reference.py
	.venv/bin/python docs/outcomes_reference.py

screenshots: environment-dev  ## draw the README's picture of the report from the demo's (needs make demo, and Chromium)
	.venv/bin/python docs/screenshots.py

audit: environment-dev  ## known vulnerabilities of the pinned packages (needs a network; says so where it has none)
	.venv/bin/python deploy/audit.py

lock: environment-dev  ## pin the newest releases that setup.py allows, in requirements/
	$(PIP_COMPILE) --output-file requirements/build.lock requirements/build.in
	$(PIP_COMPILE) --extra local --extra cpu --output-file requirements/cpu.lock setup.py
	$(PIP_COMPILE) --extra local --extra cpu --extra dev --constraint requirements/cpu.lock \
		--output-file requirements/dev.lock setup.py
	$(PIP_COMPILE) --extra spark4 --extra cpu --output-file requirements/spark4.lock setup.py requirements/spark4.in

clean:  ## remove the environment, the caches and what demo and sample made
	rm -rf .venv .venv-compare .venv-spark4 .venv-runtimes .venv-audit build dist lib/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf output/demo_city output/demo output/sample output/london_2011 output/london

environment:
	@sh deploy/environment.sh cpu

environment-dev:
	@sh deploy/environment.sh dev

environment-compare: environment-dev
	@sh deploy/environment_compare.sh

environment-spark4: environment-dev
	@sh deploy/environment_spark.sh spark4
