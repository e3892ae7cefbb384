# `make chat` opens the chat, `make test` runs every check; both set up what they need first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: chat test setup models native browser clean

chat: models  ## set everything up and open the chat on seeds/
	$(BIN)/python app.py

test: $(VENV)/tested models $(VENV)/tiny-weights browser  ## set everything up and run the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --cov --cov-report=term:skip-covered

setup: $(VENV)/installed  ## the environment with the pinned packages

models: $(VENV)/weights  ## the weights, each checked against its SHA-256; nothing is fetched twice

$(VENV)/weights: $(VENV)/installed src/qa/models/catalogue.json
	$(BIN)/python -m qa models pull
	@touch $@

$(VENV)/tiny-weights: $(VENV)/installed src/qa/models/catalogue.json
	$(BIN)/python -m qa models pull smollm2-135m
	@touch $@

native: $(BIN)/llama-server  ## an engine built for this processor: some 5 minutes, once

$(BIN)/llama-server: $(VENV)/installed native.txt
	@command -v c++ >/dev/null || { echo "A C++ compiler is needed: on Debian, apt-get install g++"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt cmake ninja
	rm -rf $(VENV)/native && mkdir $(VENV)/native
	$(BIN)/python -m pip download --disable-pip-version-check -q --no-deps --require-hashes \
	  --no-binary :all: -r native.txt -d $(VENV)/native
	tar -xzf $(VENV)/native/llama_cpp_python-*.tar.gz -C $(VENV)/native --strip-components=1
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake -S $(VENV)/native/vendor/llama.cpp -B $(VENV)/native/out -G Ninja \
	  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DLLAMA_OPENSSL=OFF \
	  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_USE_PREBUILT_UI=OFF >/dev/null
	$(BIN)/cmake --build $(VENV)/native/out --target llama-server
	cp $(VENV)/native/out/bin/llama-server $@
	rm -rf $(VENV)/native

browser: $(VENV)/tested  ## Chromium for the tests of the page
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || ( \
	  echo "Installing Chromium for the tests of the page …"; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null ) \
	|| $(BIN)/playwright install chromium \
	|| { echo "Chromium is missing and could not be installed: install it, then run make test again."; exit 1; }

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Python 3.11 or later is needed: run make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV): about 2 GB of packages, once …"
	@$(PYTHON) -m venv $(VENV) \
	|| { echo "Python's venv is missing: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt 'torch==2.13.0'
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[test]'
	@touch $@

clean:  ## remove what was built, but not the weights
	rm -rf $(VENV) index/builds index/locks index/states index/CURRENT
