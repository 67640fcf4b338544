# CGO is off everywhere but under the race detector: the program is pure Go.
export CGO_ENABLED ?= 0
GOLANGCI_VERSION := v2.15.0
TOOLS := $(CURDIR)/.tools

.PHONY: build test race vet lint demo fuzz reliability integration soak ci clean

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

ci:
	./.ci/run

clean:
	rm -rf rewind rewind-demo
