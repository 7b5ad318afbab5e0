# What a curator, a developer and an operator type. `make help` lists it.

km3vo := .venv/bin/km3vo
port := $(if $(PORT),--port $(PORT))
release := $(if $(RELEASE),--release $(RELEASE))
inputs := $(if $(INPUTS),--inputs '$(INPUTS)')

# Two at a time; each process takes whole files, since their tests share instances.
pytest := .venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo import alerts up down status check publish test test-fast lint bench

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; \
	do printf '  make %-8s %s\n' "$$target" "$$text"; done
	@echo '  Options: RELEASE=name  INPUTS=directory  PORT=number  DRY_RUN=1  OFFLINE=1'

setup:  ## install what is missing; done by the other targets, too
	@./setup.sh

demo: setup  ## import all releases and a sample of alerts, serve them, and show queries
	@$(km3vo) import --if-available $(release) $(inputs)
	@$(km3vo) alerts import inputs/alerts
	@$(km3vo) instance up $(port)
	@$(km3vo) demo

import: setup  ## check delivered files and publish them
	@$(km3vo) import $(release) $(inputs)

alerts: setup  ## archive alert packets, PACKETS=file or directory, and publish what they say
	@$(km3vo) alerts import $(or $(PACKETS),$(error name what to import: make alerts PACKETS=directory))

up: setup  ## start database and server, and print the URL
	@$(km3vo) instance up $(port)

down: setup  ## stop them; the data stay
	@$(km3vo) instance down

status: setup  ## say what runs
	@$(km3vo) instance status || [ $$? -eq 3 ]

check: setup  ## validate what is online with others' validators
	@$(km3vo) check

publish: setup  ## make the registry records, and say how to register
	@$(km3vo) registry publish $(if $(DRY_RUN),--dry-run) $(if $(OFFLINE),--offline)

lint: setup  ## style, spelling, types, and who imports whom
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/codespell
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo --no-cache

test: lint  ## run the tests against real servers and clients
	@./setup.sh test
	@$(pytest)

test-fast:  ## run the tests that need no server and little time
	@./setup.sh test
	@$(pytest) -m 'not system and not slow'

bench: setup  ## speed, as ratios against peers in the same run
	@.venv/bin/python -m tests.bench
