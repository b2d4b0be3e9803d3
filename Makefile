# Doors to every task; `make help` lists them.
BUILD ?= build
JOBS ?= 2
.DEFAULT_GOAL := help

help: ## list the doors
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install what is missing (Debian packages, Node for the tests)
	@tools/setup

build: setup ## the release binary at build/release/weir
	@tools/build release weir

run: build ## start the gateway with the embedded default
	@$(BUILD)/release/weir run

test: ## every test that CI runs
	@tools/setup tests
	@tools/run-tests

.PHONY: help setup build run test

bench: setup ## against nginx and HAProxy, side by side (minutes)
	@tools/bench

.PHONY: bench
