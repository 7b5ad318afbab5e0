# The commands for curators, developers and operators; `make help` lists them.

km3vo := .venv/bin/km3vo
port := $(if $(PORT),--port $(PORT))
release := $(if $(RELEASE),--release $(RELEASE))
inputs := $(if $(INPUTS),--inputs '$(INPUTS)')

# Three workers on two cores, because tests wait for servers to start. Each takes whole files,
# because the tests of a file share instances.
pytest := .venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo import alerts up down status check publish test test-long test-fast explore lint lock audit web-audit attack bench notebooks dist images image-test matrix upgrade-test environment install uninstall

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; \
	do printf '  make %-9s %s\n' "$$target" "$$text"; done
	@echo '  Options: RELEASE=name  INPUTS=directory  WORKFLOW=profile  PORT=number  PACKETS=path  DRY_RUN=1  OFFLINE=1'

setup:  ## install what is missing; the other targets run this first
	@./setup.sh

demo: setup  ## import all releases and a sample of alerts, serve them, and show queries
	@$(km3vo) import --if-available $(release) $(inputs)
	@$(km3vo) alerts import inputs/alerts
	@$(km3vo) instance up $(port)
	@$(km3vo) demo

import: setup  ## check delivered files and publish them; WORKFLOW=profile converts them by Snakemake
	@$(if $(WORKFLOW),./setup.sh workflow)
	@$(km3vo) import $(release) $(inputs) $(if $(WORKFLOW),--workflow '$(WORKFLOW)') $(if $(LEAVE_OUT),--leave-out)

alerts: setup  ## archive and publish alert packets, PACKETS=file or directory
	@$(km3vo) alerts import $(or $(PACKETS),$(error name the packets to import: make alerts PACKETS=directory))

up: setup  ## start the database and the server, and print the URL
	@$(km3vo) instance up $(port)

down: setup  ## stop the server and the database; the data stay
	@$(km3vo) instance down

status: setup  ## show the status of the database and the server
	@$(km3vo) instance status || [ $$? -eq 3 ]

check: setup  ## check the services with independent validators
	@$(km3vo) check

notebooks: setup  ## execute docs/notebooks against the running server, and publish them as pages
	@$(km3vo) notebooks $(if $(PORT),--node http://localhost:$(PORT))

publish: setup  ## publish the registry records, and show how to register
	@$(km3vo) registry publish $(if $(DRY_RUN),--dry-run) $(if $(OFFLINE),--offline)

lint: setup  ## check style, spelling, types, imports between packages, and vulnerabilities
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/codespell
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo --no-cache
	@.venv/bin/python -m tests.audit

audit: setup  ## ask for known vulnerabilities of the pinned packages
	@.venv/bin/python -m tests.audit --renew

lock: setup  ## write constraints.txt, also that of workflow/: versions and checksums of all Python packages; UPGRADE=1 for the newest
	@.venv/bin/uv pip compile pyproject.toml --extra node --extra hats --extra notebooks --extra test --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --custom-compile-command 'make lock' --quiet \
	    $(if $(UPGRADE),--upgrade) --output-file constraints.txt
	@.venv/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["workflow"], sep="\n")' \
	| .venv/bin/uv pip compile - --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --custom-compile-command 'make lock' --quiet \
	    $(if $(UPGRADE),--upgrade) --output-file workflow/constraints.txt
	@.venv/bin/uv pip compile tests/workflow/rucio/requirements.txt --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --custom-compile-command 'make lock' --quiet \
	    $(if $(UPGRADE),--upgrade) --output-file tests/workflow/rucio/constraints.txt

test: lint  ## run the tests against real servers and clients
	@./setup.sh test
	@$(pytest) -m 'not long and not images'

test-long:  ## run the tests that take longest
	@./setup.sh test
	@$(pytest) -m long

explore: setup  ## run the property tests with new random examples
	@./setup.sh test
	@HYPOTHESIS_PROFILE=explore $(pytest) $$(grep -rl 'from hypothesis' tests --include='test_*.py')

test-fast:  ## run the tests that need no server and little time
	@./setup.sh test
	@$(pytest) -m 'not system and not slow and not long and not images'

images: setup  ## build the images of docker/ with buildah, as root; SUITE=release of Debian
	@SUITE=$(SUITE) docker/images.sh $(IMAGES)

image-test: setup  ## run and attack the node from its images, as root; "make images" first
	@./setup.sh test
	@.venv/bin/pytest tests/images -m images

attack: setup  ## attack instances for half an hour: queries, load, kills, imports
	@./setup.sh test
	@.venv/bin/python -m tests.attack

matrix:  ## run the tests on releases of Debian, as root: SUITES="bookworm trixie sid", ARGS for pytest
	@python3 -m tests.matrix $(OPTIONS) $(or $(SUITES),bookworm trixie sid) $(if $(ARGS),-- $(ARGS))

upgrade-test:  ## upgrade a node from Debian 12 to 13 and try the way back, as root; OPTIONS=--keep
	@python3 -m tests.matrix.upgrade $(OPTIONS)

web-audit: setup  ## judge the pages of the running server with Lighthouse: speed, accessibility, search engines; PORT=number
	@.venv/bin/python -m tests.web.lighthouse http://localhost:$(or $(PORT),8080)

bench: setup  ## measure speed by the number of events, next to others in the same run: OPTIONS="--sizes 1e4,1e5"
	@.venv/bin/python -m tests.bench $(OPTIONS)

environment: setup  ## make the environment for CVMFS and batch systems, below dist/
	@.venv/bin/python packaging/environment.py

dist: setup  ## make the files of a release of the software, below dist/
	@.venv/bin/python packaging/dist.py

install:  ## install for the service manager of a Debian host, as root: PREFIX=/opt SITE=site.toml
	@PREFIX='$(PREFIX)' SITE='$(SITE)' DESTDIR='$(DESTDIR)' packaging/install.sh install

uninstall:  ## remove what make install installed; data and changed files stay
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' packaging/install.sh uninstall
