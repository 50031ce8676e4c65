# build, test, check, bench, image: what each is for stands in README.md.
# Everything that is built goes to bin/ and out/.

export CGO_ENABLED ?= 0
GO ?= go

.PHONY: build test root unit e2e check setup bench fuzz image

# The program is static and the same wherever it is built from the same files.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w" -o bin/minimirror ./cmd/minimirror

# All tests. setup installs the tools that they need.
test: root setup check unit e2e

root:
	@[ "$$(id -u)" = 0 ] || { echo 'some tests need root; type: sudo env "PATH=$$PATH" make test' >&2; exit 1; }

setup:
	test/e2e/setup.sh

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...

unit:
	CGO_ENABLED=1 $(GO) test -race ./...

e2e: build
	test/e2e/run.sh

# Speed, as ratios against rivals measured in the same run.
bench: setup build
	test/bench/run.sh

fuzz:
	test/fuzz.sh

# images/docker as an image, in out/docker.
image: build
	bin/minimirror build images/docker
