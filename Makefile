# The one set of commands, for people and for CI alike.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One more than cores of a small machine: a third of the time tests wait, for processes, deadlines or Redis.
TEST_PROCESSES ?= 3
OF_EVERY_DAY := not nightly and not gpu and not data and not observability
# Left to itself, xdist takes files of few tests last, which are the slow ones; tests/conftest.py has a better order.
IN_OUR_ORDER := --dist loadfile --no-loadscope-reorder
PACKAGES := nettailor hosting registry server trainer cli deploy benchmarks client/nettailor_client

.DEFAULT_GOAL := help
.PHONY: help install demo test coverage observability-test nightly lint format docs protos gpu-check bench lock sbom audit digests clean

help: ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(STAMP) ## Create .venv and install the exact versions of requirements.lock

$(STAMP): requirements.lock requirements-torch.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --requirement requirements-torch.lock
	$(BIN)/python -m pip install --no-deps --editable '.[bench]'
	touch $@

demo: $(STAMP) ## Everything, from nothing: upload two data sets, tailor, predict (about three minutes, offline)
	$(BIN)/nettailor demo $(ARGS)

test: $(STAMP) ## Every test that needs no GPU, no image sets and no hours
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) $(IN_OUR_ORDER) -m '$(OF_EVERY_DAY)' $(ARGS)

coverage: $(STAMP) ## The same tests, and how many of the lines of each package they run, in whatever process
	$(BIN)/coverage erase
	tests=0
	$(BIN)/coverage run -m pytest -n $(TEST_PROCESSES) $(IN_OUR_ORDER) -m '$(OF_EVERY_DAY)' $(ARGS) || tests=$$?
	$(BIN)/coverage combine --quiet
	for package in $(PACKAGES); do
	  printf '%-24s %5s %%\n' "$$package" "$$($(BIN)/coverage report --format=total --include="$$package/*")"
	done
	printf '%-24s %5s %%\n' all "$$($(BIN)/coverage report --format=total)"
	exit $$tests

observability-test: $(STAMP) ## The services under a real Prometheus: every panel shows something, every rule is tested
	@command -v prometheus promtool > /dev/null || { echo 'install Prometheus and promtool (Debian: apt-get install prometheus)'; exit 1; }
	$(BIN)/python -m pytest -m observability tests/deploy $(ARGS)
	$(BIN)/python -m pytest tests/deploy/grafana/test_grafana.py

nightly: $(STAMP) ## The long kill, soak and browser tests
	$(BIN)/python -m pytest -m 'nightly and not gpu and not observability' $(ARGS)
	$(BIN)/python -m benchmarks.soak --minutes 30 --json

lint: $(STAMP) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 --package nettailor_client
	$(BIN)/lint-imports

format: $(STAMP) ## Let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

gpu-check: ## What only a machine with a GPU can tell: its tests, then speeds; eight minutes, by $(PYTHON) as it is
	$(PYTHON) -m benchmarks.gpu_check $(ARGS)

bench: $(STAMP) ## The engine against what people do today; benchmarks/README.md has the others
	$(BIN)/python -m benchmarks.engine --json $(ARGS)

docs: $(STAMP) ## Write what is made out of the code: tables of docs/architecture.md and docs/datasets.md, the proxy's openapi.json
	$(BIN)/python -m tests.architecture
	$(BIN)/python -m tests.layouts
	$(BIN)/python -m tests.openapi

protos: $(STAMP) ## Compile server/grpc/messages/inference.proto
	$(BIN)/python -m grpc_tools.protoc --proto_path=server/grpc/messages \
	  --descriptor_set_out=server/grpc/messages/inference.binpb inference.proto

# Builds of torch for one version differ (CPU, CUDA), and which one an index gives out is the machine's matter: no hashes.
TORCH := ^(torch|torchvision)==

lock: ## Write requirements*.lock from what .venv holds now, with the hashes of all files that the index has
	held=$$($(BIN)/python -m pip freeze --all --exclude nettailor-server --exclude pip)
	grep -E '$(TORCH)' <<< "$$held" | sed -E 's/\+.*//' > requirements-torch.lock
	grep -vE '$(TORCH)' <<< "$$held" | $(BIN)/uv pip compile --quiet --python $(BIN)/python --no-deps \
	  --generate-hashes --no-header --no-annotate --output-file requirements.lock -
	$(BIN)/python -m deploy.docker.requirements

sbom: $(STAMP) ## Write dist/sbom.cdx.json: all that .venv holds, as CycloneDX
	mkdir -p dist
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --mc-type application \
	  --output-file dist/sbom.cdx.json $(BIN)/python
	@echo dist/sbom.cdx.json

audit: $(STAMP) ## Whether vulnerabilities are known of what the lock files name (asks PyPI)
	$(BIN)/python -m deploy.supply_chain.audit requirements.lock requirements-torch.lock

digests: $(STAMP) ## Pin every image by digest as well (asks the images' registries)
	$(BIN)/python -m deploy.supply_chain.digests

clean: ## Remove .venv and every cache
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .cache dist
