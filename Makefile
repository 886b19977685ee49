# What developers and CI run, by name: `make help` lists it. Works with GNU make 3.81 (macOS) and later.
.DEFAULT_GOAL := help

GO ?= go
# The dataset that `make run` serves; see fixtures/profiles.
PROFILE ?= dev
# The dataset and the length of the k6 runs: 1/60 makes a minute of a suite one second.
K6_PROFILE ?= ci
TIME_SCALE ?= 1/60

# What .ci/bench reads.
export BENCH PKG COUNT BENCHTIME OUT BASE
REF ?= main
# How often make synthetic asks.
EVERY ?= 1m

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
K6 := go.k6.io/k6@v1.8.1
VEGETA := github.com/tsenart/vegeta/v12@v12.13.0

# The race detector needs a C compiler, which Go tells by CGO_ENABLED.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

# Tools that are missing on the machine are installed here.
export PATH := $(CURDIR)/bin:$(PATH)
export TIME_SCALE K6_PROFILE BASE_URL

.PHONY: help run build test lint bench bench-compare bench-load component prove-endurance k6 k6-core k6-database k6-microservices pipeline staging synthetic measure-compare clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## serve a seeded MediaNest on a private PostgreSQL (PROFILE=dev, ARGS=more flags)
	@exec bin/mockapi --profile $(PROFILE) --snapshot $(ARGS)

build: ## build the commands into bin/
	$(GO) build -o bin/ ./cmd/...

test: ## run every test, with real PostgreSQL servers and the race detector
	$(GO) test $(RACE) -parallel 4 -timeout 20m ./...

lint: ## check format, vet and staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

bench: ## run the micro-benchmarks into OUT=performance-reports/bench.txt (BENCH=pattern, PKG=./seed/gen, COUNT=1, BASE=an earlier OUT to compare with)
	@.ci/bench

bench-compare: ## benchmarks here and at the commit REF in turns, compared by benchstat (REF=main, BENCH=, PKG=, COUNT=6)
	@.ci/bench compare $(REF)

component: build ## the API against its contract, the suites against servers, benchmarks of handlers, queries, store and COPY (BENCH=, PKG=)
	@.ci/component

prove-endurance: ## run endurance tests against mocks that leak, slow down, or are well, and tabulate the verdicts (10 minutes)
	$(GO) test -count=1 -v -timeout 20m -run TestProveEndurance ./cmd/load -prove-endurance

measure-compare: ## measure false alarms and detections of load compare with real runs, three a pair (PAIRS=30 LENGTH=60s BASE=time that answers take longer)
	$(GO) test -run TestRealPairs -v -timeout 24h ./cmd/load -realpairs $(or $(PAIRS),30) -reallength $(or $(LENGTH),60s) -realbase $(or $(BASE),0s)

k6: ## install k6 into bin/ unless it is on PATH
	@command -v k6 >/dev/null || { echo "installing $(K6) into bin/"; GOBIN=$(CURDIR)/bin $(GO) install $(K6); }

k6-core: build k6 ## run the core suite with real k6 (TIME_SCALE=1/60, K6_PROFILE=ci, BASE_URL=a server that runs)
	@.ci/k6 core

k6-database: build k6 ## run the database suite with real k6
	@.ci/k6 database

k6-microservices: build k6 ## run the microservices suite with real k6
	@.ci/k6 microservices

bench-load: k6 ## put load beside k6, vegeta and wrk, half an hour (PEERS='get|workflow' for a part)
	@command -v vegeta >/dev/null || { echo "installing $(VEGETA) into bin/"; GOBIN=$(CURDIR)/bin $(GO) install $(VEGETA); }
	@command -v wrk >/dev/null || echo "wrk is not on PATH and left out: apt-get install wrk, brew install wrk"
	MEDIANEST_BENCH_PEERS=1 $(GO) test -run '^$$' -bench 'Peers/($(or $(PEERS),.))' -benchtime 1x -timeout 2h ./cmd/load

pipeline: build ## start a target, run suites on fresh data, write reports, say PASS or FAIL (a second for a minute: TIME_SCALE=1 for full length; ARGS=flags of load pipeline)
	@bin/load pipeline $(ARGS)

# Times are those of the tests here, unless TIME_SCALE is given on purpose.
staging: build ## load pipeline against a server that runs, at full length (BASE_URL=https://staging.example, ARGS=flags)
	@test -n "$(BASE_URL)" || { echo "name the server: make staging BASE_URL=https://staging.example" >&2; exit 2; }
	@TIME_SCALE=$(if $(filter command environment,$(firstword $(origin TIME_SCALE))),$(TIME_SCALE)) bin/load pipeline $(ARGS)

synthetic: build ## watch a server in use with a few reads EVERY=1m (BASE_URL=https://medianest.example, ARGS=flags of load run)
	@test -n "$(BASE_URL)" || { echo "name the server: make synthetic BASE_URL=https://medianest.example" >&2; exit 2; }
	@exec bin/load run synthetic --every $(EVERY) $(ARGS)

clean: ## remove what was built here; data and installed servers stay
	rm -rf bin dist reports
