# CGO is off everywhere but under the race detector: the program is pure Go.
export CGO_ENABLED ?= 0
GOLANGCI_VERSION := v2.15.0
TOOLS := $(CURDIR)/.tools

.PHONY: build test race vet lint demo fuzz reliability integration soak bench pgo benchcmp benchbase ci clean

build:
	go build -trimpath -o rewind ./cmd/rewind

test:
	go test ./...

race:
	CGO_ENABLED=1 go test -race ./...

vet:
	go vet ./...
	go vet -tags integration ./...

# The linter lives inside the project (.tools is ignored by git), at the version the configuration was written for.
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
	$< run ./...

$(TOOLS)/golangci-lint-$(GOLANGCI_VERSION):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

demo:
	go run ./cmd/rewind demo

# Every fuzz target for a while: make fuzz FUZZTIME=5m KEEP=1 keeps what it finds interesting.
FUZZTIME ?= 5s
fuzz:
	.ci/fuzz $(FUZZTIME)

# How many crash points, faults and damages the tests go through: the figures of docs/RELIABILITY.md.
reliability:
	.ci/counted

# The same pipeline against a real Kafka and a real HiveServer2, which the script fetches, starts and stops.
integration:
	./integration/run.sh

# The whole pipeline on the real servers under random faults, with an oracle beside it; REWIND_SEED repeats a run's faults.
SOAK ?= 20m
soak:
	./integration/run.sh soak $(SOAK)

# Every stage beside its peers, in turn: docs/PERFORMANCE.md. Small: make bench BENCH_ROWS=100k, which leaves the document alone.
BENCH_ROWS ?= 10M
BENCH_ARGS ?=
bench:
	mkdir -p .bench
	go build -pgo=cmd/rewind/default.pgo -o .bench/bench ./bench
	.bench/bench -rows $(BENCH_ROWS) $(BENCH_ARGS)

# The profile that the program is built by, of what the benchmarks do with tables of a million rows: anew when hot functions were rewritten.
pgo:
	rm -rf .bench/profiles
	mkdir -p .bench/profiles
	go build -trimpath -pgo=off -o .bench/bench ./bench
	BENCH_PROFILE=.bench/profiles .bench/bench -rows 1M -rounds 3 -slow=false -out .bench/pgo
	cd .bench/profiles && ../bench child profiles ../../cmd/rewind/default.pgo \
		capture-* scan-[0-9]* scan-streams-* publish-[0-9]* consume-[0-9]* fold-* restore-* history-*

# The benchmarks beside the code against the last committed figures: make benchcmp BENCH_COUNT=10 BENCH=Fold BENCH_PACKAGES=./replay
BENCH ?= .
BENCH_COUNT ?= 6
BENCH_TIME ?= 0.3s
BENCH_PACKAGES ?= ./table ./change ./ocf ./journal ./sorting ./producer ./replay ./impala ./topic ./consumer ./bench/workload
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da
benchmarks = GOMAXPROCS=2 go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCH_COUNT) -benchtime $(BENCH_TIME) -timeout 60m $(BENCH_PACKAGES)

benchcmp: $(TOOLS)/benchstat-$(BENCHSTAT_VERSION)
	mkdir -p .bench
	$(benchmarks) > .bench/benchmarks.txt
	$< bench/baseline.txt .bench/benchmarks.txt

benchbase:
	mkdir -p .bench
	$(benchmarks) > .bench/benchmarks.txt
	cp .bench/benchmarks.txt bench/baseline.txt

$(TOOLS)/benchstat-$(BENCHSTAT_VERSION):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION)
	mv $(TOOLS)/benchstat $@

ci:
	./.ci/run

clean:
	rm -rf rewind rewind-demo
