# make test is what CI runs; the others are for a person at work.

GO       ?= go
BIN      ?= bin/mailrig
FUZZTIME ?= 5s
REV      ?= HEAD
PACKAGES ?= ./...

.PHONY: all build test lint unit robots fuzz cross bench compare clean

all: build

build: ## the binary, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o $(BIN) ./cmd/mailrig

test: lint unit robots ## everything that must be right before a commit

lint:
	@files=$$(gofmt -l $$(find . -name '*.go' -not -path '*/node_modules/*')); \
	if [ -n "$$files" ]; then echo "gofmt -w would change:"; echo "$$files"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)

# The end-to-end tests use whatever mail clients are installed; with CI=true all of
# them must be. "npm ci" in e2e/node installs the two for Node.
unit:
	$(GO) test -race -timeout 10m $(PACKAGES)

# The robots try every scenario; under the race detector they would be too slow, and
# unit has them try a sample.
robots: ## every scenario with clients of good and bad habits
	$(GO) test -timeout 10m -run 'TestRobots|TestPartialJobs' ./internal/trial

fuzz: ## each fuzz target for FUZZTIME
	@set -e; for package in $$($(GO) list $(PACKAGES)); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "fuzz $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

cross: ## it must build, and be vetted, where it isn't developed
	@set -e; for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		echo "build and vet for $$target"; \
		export CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/}; \
		$(GO) build -o /dev/null ./cmd/mailrig; \
		$(GO) vet $(PACKAGES); \
	done

bench: ## what mailrig costs, beside the bare libraries
	$(GO) run ./bench

compare: ## what has become slower or larger since the commit REV
	$(GO) run ./bench -against $(REV)

clean:
	rm -rf bin
