# Two commands on a fresh machine with Python 3.11 and make:  make demo  ·  make test
# Programs of the operating system that some tests use; a test that misses one is skipped by its name:
#   on Debian: apt-get install openssl jq coreutils perl age softhsm2 opensc strace zstd nodejs npm golang-go golang-golang-x-mod-dev chromium

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= demo-case
JOBS   ?= auto
BENCH  ?=

.PHONY: demo test test-slow lint check-docs bench lock clean

demo: $(VENV)/.demo
	rm -rf $(DEMO)
	$(BIN)/evidence-kit demo --out $(DEMO)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(JOBS) -m slow --timeout 1800

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-docs: $(VENV)/.dev
	$(BIN)/python -m pytest -q tests/docs tests/examples

bench: $(VENV)/.dev
	$(BIN)/python tests/bench/bench.py $(BENCH)

# Hash-locked; the files name no index. Needs `uv` on the path.
lock:
	uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --extra sandbox --extra analysis -o requirements.lock pyproject.toml tests/build-requirements.in
	uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --extra sandbox --extra pkcs11 --extra keyring --extra analysis --extra sigma --group dev -c requirements.lock \
	  -o requirements-dev.lock pyproject.toml tests/build-requirements.in
	uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" -o tests/fuzz/requirements.lock tests/fuzz/requirements.in

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed (on Debian: apt-get install python3 python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The guided fuzzer is built for Linux alone, and the JavaScript check of examples/verify needs npm: both are tested where
# they can be installed, and skipped by name elsewhere.
$(VENV)/.dev: requirements-dev.lock tests/fuzz/requirements.lock examples/verify/package-lock.json tests/azurite/package-lock.json tests/prism/package-lock.json tests/axe/package-lock.json $(VENV)/.demo
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r tests/fuzz/requirements.lock || true
	@! command -v npm >/dev/null || npm ci --prefix examples/verify --no-audit --no-fund --silent || true
	@! command -v npm >/dev/null || npm ci --prefix tests/azurite --ignore-scripts --no-audit --no-fund --silent || true
	@! command -v npm >/dev/null || npm ci --prefix tests/prism --ignore-scripts --no-audit --no-fund --silent || true
	@! command -v npm >/dev/null || npm ci --prefix tests/axe --ignore-scripts --no-audit --no-fund --silent || true
	touch $@

clean:
	rm -rf $(VENV) $(DEMO)
