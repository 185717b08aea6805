# make test is what a person waits for; CI runs it, and then what takes longer: e2e-all,
# robots, fuzz, modules, cross.

GO       ?= go
BIN      ?= bin/mailrig
PREFIX   ?= /usr/local
DIST     ?= dist
FUZZTIME ?= 5s
REV      ?= HEAD
PACKAGES ?= ./...

.PHONY: all build install uninstall dist packages test lint unit e2e e2e-all robots long fuzz cross modules bench compare screenshots clean

all: build

build: ## the binary, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w$(if $(VERSION), -X main.release=$(VERSION))" -o $(BIN) ./cmd/mailrig

# DESTDIR goes before every path, for those who make packages. VERSION=v1.2.3 tells the version where there is no repository.
prefix  = $(DESTDIR)$(PREFIX)
man     = $(prefix)/share/man/man1
bash    = $(prefix)/share/bash-completion/completions
zsh     = $(prefix)/share/zsh/site-functions
fish    = $(prefix)/share/fish/vendor_completions.d

install: build ## the binary, manual pages and completions, below PREFIX
	umask 022 && mkdir -p "$(prefix)/bin" "$(bash)" "$(zsh)" "$(fish)"
	install -m 755 $(BIN) "$(prefix)/bin/mailrig"
	umask 022 && $(BIN) man --dir "$(man)"
	umask 022 && $(BIN) completion bash >"$(bash)/mailrig"
	umask 022 && $(BIN) completion zsh >"$(zsh)/_mailrig"
	umask 022 && $(BIN) completion fish >"$(fish)/mailrig.fish"

uninstall: ## what "make install" with the same PREFIX has put there
	rm -f "$(prefix)/bin/mailrig" "$(man)/mailrig.1" "$(man)"/mailrig-*.1
	rm -f "$(bash)/mailrig" "$(zsh)/_mailrig" "$(fish)/mailrig.fish"

dist: ## what is published: archives, .deb, .rpm, Homebrew formula, checksums, in DIST; VERSION, or else that of the git tag
	cd packaging && $(GO) run . -go "$(GO)" -version "$(VERSION)" -out "$(abspath $(DIST))"

packages: dist ## what "make dist" makes, installed in empty roots and tried
	cd packaging && $(GO) vet . && $(GO) test -timeout 15m -v . -dist "$(abspath $(DIST))"

test: lint unit e2e ## what must be right before a commit

lint:
	@files=$$(gofmt -l $$(find . -name '*.go' -not -path '*/node_modules/*')); \
	if [ -n "$$files" ]; then echo "gofmt -w would change:"; echo "$$files"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)

# The robots try every scenario and take minutes: they have a target of their own. Most
# tests wait more than they compute, so more of them than there are cores run at once.
ROBOTS := ^(TestRobots|TestPartialJobs)$$

# SQLite is C that was translated to Go. The race detector finds nothing in it, and makes it many times slower. No other
# package can be left out: the linker would take its copies of generic functions, sync.Map's among them, for all of the
# program, and races would be seen that aren't there.
#
# At its end, each process would wait a second for reports of other threads, and the tests start thousands of processes.
export GORACE ?= atexit_sleep_ms=10
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false

unit: ## every package but e2e, with the race detector
	$(GO) test $(RACE) -parallel 8 -timeout 15m -skip '$(ROBOTS)' $$($(GO) list $(PACKAGES) | grep -v /e2e)

# The end-to-end tests use whatever mail clients are installed; with CI=true all of
# them must be. "npm ci" in e2e/node installs those for Node. In its own folder, "go test" shows what a test binary
# prints: which clients are missing.
e2e: ## two real clients in every setting, the others in some
	cd e2e && $(GO) test -short -timeout 10m
	$(GO) test -short -timeout 10m ./e2e/bounds

e2e-all: ## all real clients in every setting, at rigs with the race detector
	$(GO) test $(RACE) -timeout 30m ./e2e/...

# Under the race detector, which makes everything several times slower, they try a sample.
robots: ## every scenario with clients of good and bad habits
	$(GO) test -timeout 15m -run '$(ROBOTS)' ./internal/trial
	$(GO) test $(RACE) -timeout 15m -run '$(ROBOTS)' ./internal/trial

long: ## the bounds, with clients that want as much as docs/limits.md says, and how fast the page is; some minutes, and 4 GB of disk
	$(GO) test -v -count 1 -timeout 60m ./e2e/bounds -args -long
	$(GO) test -v -count 1 -timeout 20m -run TestPageKeepsUp ./e2e -args -timed

# A package is compiled once for all of its targets. Go's fuzzer sometimes takes the end of its time for a failure
# ("context deadline exceeded"), mostly under load. If no input has failed, the target is tried again, once.
fuzz: ## each fuzz target for FUZZTIME
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	try() { "$$dir/test" -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir "$$cache" 2>&1 | tee "$$dir/out"; \
		grep -qx PASS "$$dir/out"; }; \
	late() { grep -q 'context deadline exceeded' "$$dir/out" && ! grep -q 'Failing input written' "$$dir/out"; }; \
	cache=$$($(GO) env GOCACHE)/fuzz; \
	for package in $$(grep -rlE '^func Fuzz' --include='*_test.go' --exclude-dir=node_modules . | xargs -n 1 dirname | sort -u); do \
		$(GO) test -c -fuzz . -o "$$dir/test" $$package; \
		for target in $$(cd $$package && "$$dir/test" -test.list '^Fuzz'); do \
			echo "fuzz $$package $$target"; \
			(cd $$package && { try || { late && try; }; }); \
		done; \
	done

# With -trimpath "make dist" finds compiled what this has compiled. "make build" and "make lint" do linux/amd64.
cross: ## it must build, and be vetted, where it isn't developed
	@set -e; for target in linux/arm64 darwin/arm64 windows/amd64; do \
		echo "build and vet for $$target"; \
		export CGO_ENABLED=0 GOFLAGS=-trimpath GOOS=$${target%/*} GOARCH=$${target#*/}; \
		$(GO) build -o /dev/null ./cmd/mailrig; \
		$(GO) vet $(PACKAGES); \
	done

MODULES := recipes/lint/github recipes/lint/compose contrib/testcontainers-go

modules: build ## what is a module of its own: the recipes' linters, and what starts mailrig in a container
	@set -e; for module in $(MODULES); do echo "test $$module"; (cd $$module && $(GO) vet ./... && $(GO) test -v ./...); done
	@echo "test contrib/testcontainers-node"
	@cd contrib/testcontainers-node && npm ci --no-audit --no-fund --ignore-scripts && MAILRIG_BINARY=$(abspath $(BIN)) npm test

bench: ## what mailrig costs, beside the bare libraries
	$(GO) run ./bench

compare: ## what has become slower or larger since the commit REV
	$(GO) run ./bench -against $(REV)

screenshots: ## the pictures of the page in docs/page, anew
	$(GO) test -count 1 -run TestScreenshots ./e2e -args -screenshots ../docs/page

clean:
	rm -rf bin dist
