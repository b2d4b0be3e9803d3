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

verify: ## everything: line coverage, sanitizers, full sizes of the black-box tests, all of conformance and matrix, fuzzing (long)
	@tools/setup tests
	@tools/run-tests
	@$(MAKE) --no-print-directory coverage asan tsan
	@SCALE=full node test/e2e/run.mjs
	@node test/e2e/conformance/run.mjs --all --table docs/conformance.md
	@node test/e2e/matrix/run.mjs --all --write docs/compatibility.md
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=600
	@python3 bench/counters.py
	@node test/soak/crossing.mjs --exchanges 100000
	@node test/soak/restart.mjs
	@tools/build dev weir_tests && WEIR_SEEDS=10000 $(BUILD)/dev/weir_tests --gtest_filter='*Storm.*:-*SameSeed*' --gtest_brief=1
	@$(MAKE) --no-print-directory hostile balance resilience chaos

balance: ## real replicas: shares, detection of every fault, dying replicas beside nginx and HAProxy, the table of faults, false alarms (hours)
	@tools/setup tests
	@tools/build release weir
	@node test/soak/shares.mjs --write docs/shares.md
	@node test/soak/detection.mjs --runs 20 --write build/detection-new.md
	@node test/soak/detection.mjs --runs 20 --era old --write build/detection-old.md
	@node test/soak/dying_replica.mjs --write docs/dying-replica.md
	@node test/soak/faults_table.mjs --runs 3 --write docs/faults.md
	@node test/soak/faults_table.mjs --runs 3 --writes --write docs/faults-writes.md
	@node test/soak/faults_table.mjs --runs 3 --all-down --write docs/faults-all-down.md
	@node test/soak/false_alarms.mjs --seconds 120

resilience: ## real replicas: deadlines, breakers, hedging, neighbours, 20,000 refusals a second, an hour of mixed calls under faults and reloads
	@tools/setup tests
	@tools/build release weir bench_stub_server
	@node test/soak/deadlines.mjs --write docs/deadlines.md
	@node test/soak/breakers.mjs --write docs/breakers.md
	@node test/soak/hedging.mjs --write docs/hedging.md
	@node test/soak/neighbours.mjs --write docs/neighbours.md
	@node test/soak/rejections.mjs --write docs/rejections.md
	@node test/soak/soak.mjs --write docs/soak.md

hostile: ## the same bytes to nginx and HAProxy, and attacks beside healthy clients
	@tools/setup tests
	@tools/build release weir
	@node test/edge/differential.mjs --write docs/differential.md
	@node test/soak/attacks.mjs --write docs/attacks.md

chaos: ## everything befalls the upstreams, SEEDS times (default 1000; SEED=n: that one alone), then availability (an hour)
	@tools/setup tests
	@tools/build release weir
	@node test/chaos/run.mjs
	@[ -n "$(SEED)" ] || node test/chaos/availability.mjs

pictures: ## the pictures of docs/dashboard.md, taken anew
	@tools/setup tests
	@tools/build release weir
	@node test/e2e/dashboard_pictures.mjs docs

bench: setup ## against nginx and HAProxy, side by side, without and with TLS (minutes)
	@tools/bench
	@tools/bench --tls

bench-streams: ## event streams: memory, changes to all, lateness, a slow reader (minutes)
	@tools/setup tests
	@tools/build release weir
	@node bench/streams.mjs

bench-balance: ## how long a pick takes, and what probing 100 endpoints costs
	@tools/setup tests
	@tools/build release weir bench_picking
	@$(BUILD)/release/bench_picking
	@tools/build release bench_stack
	@$(BUILD)/release/bench_stack
	@node bench/probing.mjs

counters: ## instructions and system calls of one call, against the stored baseline
	@tools/setup tests
	@tools/build release weir bench_stub_server
	@python3 bench/counters.py

asan: ## AddressSanitizer and UBSan: the whole suite
	@tools/sanitize asan

tsan: ## ThreadSanitizer: the whole suite
	@tools/sanitize tsan

fuzz: ## every fuzz target, FUZZ_SECONDS each (default 60)
	@tools/fuzz $(FUZZ_SECONDS)

tidy: ## format, layers, and a build with clang-16 in which warnings are errors
	@clang-format-16 --dry-run -Werror $$(git ls-files '*.cc' '*.h')
	@tools/layers
	@tools/build clang weir weir_tests

format: ## clang-format over all sources
	@clang-format-16 -i $$(git ls-files '*.cc' '*.h')

coverage: ## line coverage of src/ by units and black-box tests; under 80 % fails
	@tools/coverage

docs: ## reference of all public declarations; one without a comment fails
	@tools/docs

.PHONY: help setup build run test verify hostile balance resilience chaos pictures bench bench-streams bench-balance counters asan tsan fuzz tidy format coverage docs
