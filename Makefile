# build, test, check, bench, image: what each is for stands in README.md.
# Everything that is built goes to bin/ and out/.

# What is compiled with -trimpath and without cgo is compiled once for all.
export CGO_ENABLED ?= 0
GO ?= go

.PHONY: build programs release test root unit slice e2e check vet quick lint setup bench fuzz image differential chart site

# The program is static, and the same wherever it is built from the same commit.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.stated=$$(release/version.sh)" -o bin/minimirror ./cmd/minimirror

# The same program for each platform, as bin/minimirror-linux-ARCHITECTURE: minimirror build then makes images for both.
programs: build
	for a in amd64 arm64; do \
		CGO_ENABLED=0 GOARCH=$$a $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.stated=$$(release/version.sh)" -o bin/minimirror-linux-$$a ./cmd/minimirror || exit 1; \
	done

# Static programs for amd64 and arm64, Debian packages of them, licences, and SHA256SUMS, in out/release: the same bytes from the same source and Go.
# The version is that of the newest tag; VERSION=1.2.0 sets it, and MAINTAINER='Name <address>' who is asked about the packages.
release:
	$(GO) run ./release --version "$$(release/version.sh)" --time "$$(release/version.sh --time)" $(if $(MAINTAINER),--maintainer '$(MAINTAINER)')

# All tests, two parts side by side, with a table of what each took. setup, the first, installs the tools that they need.
test: root
	test/run.sh

root:
	@[ "$$(id -u)" = 0 ] || { echo 'some tests need root; type: sudo env "PATH=$$PATH" make test' >&2; exit 1; }

setup:
	test/e2e/setup.sh

# The format, vet, golangci-lint, and phrases that this project no longer uses.
check: vet lint
	$(GO) test -trimpath -run TestPhrases ./test/house

vet:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet -trimpath -tags differential ./...

# What needs neither root nor a network: the format, vet, and the tests of all packages but the slowest. For those who change a line.
quick: vet
	$(GO) test -trimpath -vet=off $$($(GO) list ./... | grep -vE '/(test/(bench|e2e)|builder/buildkit|release)$$')

# golangci-lint with .golangci.yml. The first time on a machine it builds it.
lint:
	test/lint/lint.sh

# BuildKit's solver reads without its lock what a build writes that ends early, so builds that fail or are cancelled run without the race detector.
# (A package that is compiled without it cannot be mixed in: the linker may then take its copies of sync's generic code for all.)
unit:
	CGO_ENABLED=1 $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v /builder/buildkit$$)
	CGO_ENABLED=1 $(GO) test -race -timeout 20m -skip 'Cancel|GoesAway|GoroutinesEnd|FullDisk|Damaged' ./builder/buildkit
	$(GO) test -trimpath -timeout 20m ./builder/buildkit

# Random requests to the resolver and to the real apt, on the archive that this
# machine uses and on a made-up one; and made-up indexes of Python packages to the
# real pip. SEED=2 asks others.
SEED ?= 1
pip = $(GO) test -trimpath -count=1 -run Differential -v -timeout 60m ./internal/kinds/pypi/resolver -seed $(SEED) -indexes
compare = $(GO) test -trimpath -count=1 -tags differential -run Differential -v -timeout 60m ./internal/kinds/debian/resolver ./internal/kinds/debian/broken -seed $(SEED) -requests
differential:
	$(compare) 300
	$(pip) 1000

# A fixed part of it.
slice:
	$(compare) 20
	$(pip) 200

e2e: root
	test/run.sh e2e

# The Helm chart against the real helm and the API types of Kubernetes. The first time on a machine it builds helm.
chart:
	cd test/chart && $(GO) vet . && $(GO) test -count=1 -timeout 20m .

# The life of a site on a real Kubernetes. The first time on a machine it builds Kubernetes and helm.
site: build
	test/site/site.sh

# Speed, as ratios against rivals measured in the same run.
bench: setup build
	test/bench/run.sh

fuzz:
	test/fuzz.sh

# images/docker as an image, in out/docker.
image: build
	bin/minimirror build images/docker
