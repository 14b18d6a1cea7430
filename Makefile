# Targets of Shoal. `make help` lists them; every target prepares what it needs by itself.
.DEFAULT_GOAL := help
PREPARE := @node local/prepare.mjs --quiet

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show a whole fabric: start it, run a service and a job, kill a node, stop it
	@node local/prepare.mjs && node dist/local/demo.js

.PHONY: demo-pool
demo-pool: ## Show warm pools: a page that hands out demos, 200 callers at once, a line (KEEP=1)
	@node local/prepare.mjs && KEEP=$(KEEP) node dist/local/demo-pool.js

.PHONY: up
up: ## Start a fabric in the background (NODES=3 COPIES=1 SERVERS=1 DURABILITY=process)
	$(PREPARE)
	@node dist/local/up.js

.PHONY: down
down: ## Stop it, with everything it runs
	$(PREPARE)
	@node dist/local/down.js

.PHONY: build
build: ## Install dependencies and compile, if anything changed
	$(PREPARE)

.PHONY: check
check: ## Format, lint, types, dead code, layers, generated files: seconds
	$(PREPARE)
	@$(MAKE) --no-print-directory -j2 $(WHOLE_OUTPUT) format-and-lint dead-code architecture

# Types were checked by the build. The output of those that run side by side comes whole, where make can.
WHOLE_OUTPUT := $(if $(filter output-sync,$(.FEATURES)),--output-sync)
.PHONY: format-and-lint dead-code architecture
format-and-lint:
	@node_modules/.bin/biome check .
dead-code:
	@node_modules/.bin/knip
architecture:
	@node_modules/.bin/vitest run --config test/architecture/vitest.config.ts --reporter=dot

.PHONY: test
test: ## Run every test whose engine is here, but the long ones; what fails once more, alone
	$(PREPARE)
	@node dist/test/run.js

.PHONY: test-long
test-long: ## Run what takes minutes: servers that die, upgrades, restores, install, images
	$(PREPARE)
	@node_modules/.bin/vitest run --project long

.PHONY: sim
sim: ## Run simulated storms (SEEDS=100 SEED=1 FAULTS=loss=0.08)
	$(PREPARE)
	@FAULTS=$(FAULTS) node dist/test/sim/main.js $(or $(SEED),1) $(or $(SEEDS),100)

.PHONY: soak
soak: ## Run simulated storms until stopped, from SEED on; prints failures
	$(PREPARE)
	@node dist/test/sim/main.js $(or $(SEED),$$(date +%s))

.PHONY: planted
planted: ## Plant bugs in a copy of the sources; the simulator must find each (ONLY=name SEEDS=1000)
	$(PREPARE)
	@SEED=$(SEED) SEEDS=$(SEEDS) node dist/test/sim/planted/main.js $(ONLY)

.PHONY: engines
engines: ## Fetch what the tests need beside Node: nats-server, engines, tmux, shells, Chromium, grpcurl
	$(PREPARE)
	@node dist/local/engines.js

.PHONY: install
install: ## Install the programs, units and manual (PREFIX=/usr/local DESTDIR=)
	$(PREPARE)
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" node dist/local/install.js

.PHONY: uninstall
uninstall: ## Remove what was installed; settings and state stay
	$(PREPARE)
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" node dist/local/install.js remove

.PHONY: images
images: ## Build the images (REGISTRY= VERSION=0.1.0 NODE_IMAGE=)
	$(PREPARE)
	@rm -rf .shoal/image
	@PREFIX=/usr DESTDIR=.shoal/image NODE=node node dist/local/install.js
	@for each in control gateway agent cli; do \
	  docker build -f deploy/docker/Dockerfile --target $$each \
	    $(if $(NODE_IMAGE),--build-arg NODE_IMAGE=$(NODE_IMAGE)) \
	    -t $(REGISTRY)shoal-$$each:$(or $(VERSION),0.1.0) .shoal/image || exit 1; \
	done

.PHONY: bench
bench: ## Run the benchmarks, or those of a prefix (ONLY=fabric)
	$(PREPARE)
	@node dist/test/bench/main.js "$(ONLY)"

.PHONY: chaos
chaos: ## Hurt a real fabric at random, then check what it promised (MINUTES=5 SERVERS=1 SEED=)
	$(PREPARE)
	@node dist/test/chaos/main.js

.PHONY: generate
generate: ## Write the files derived from the contracts
	$(PREPARE)
	@node dist/docs/generate/main.js

.PHONY: format
format: ## Format the sources
	$(PREPARE)
	@node_modules/.bin/biome check --write .

.PHONY: clean
clean: ## Remove what was built and every local fabric's files
	@rm -rf dist .shoal coverage
