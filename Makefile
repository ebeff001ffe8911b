# havn: `make demo` shows it, `make test` proves it. CI runs `make test`.
.PHONY: build demo demo-down images bench test check unit race mutants chaos soak e2e packages test-packages

# The race detector watches the packages that have goroutines of their own.
RACED := ./reconciler ./reconciler/plan ./reconciler/apply ./reconciler/probe ./reconciler/journal ./gitops

build:
	CGO_ENABLED=0 go build -trimpath -o bin/havn ./cmd/havn

# The example site on this machine, a release, a bad release; it stays up.
demo: packages build
	@go run ./e2e/demo

demo-down: build
	@go run ./e2e/demo down

images:
	go run ./e2e/images/build

# Figures; each takes its own samples, beside its peer, in one run on one machine.
bench: packages build images
	@.ci/packages bench
	go test -run '^$$' -bench . ./spec
	go test -tags e2e -run '^$$' -bench . -benchtime 1x -timeout 60m ./e2e

test: test-packages check unit race e2e

packages:
	@.ci/packages

test-packages:
	@.ci/packages test

check:
	@out=$$(gofmt -l cmd confine e2e gitops reconciler schemas spec); test -z "$$out" || { echo "gofmt: $$out"; exit 1; }
	go vet ./...
	go vet -tags e2e ./...
	go vet -tags soak ./gitops

unit:
	go test -timeout 60m ./...

race:
	go test -race -timeout 60m -skip '^TestMutants$$' $(RACED)

# The planner, the loop and the host with a mistake in them, one after another; `make
# test` runs a sixth of them each day.
mutants:
	HAVN_MUTANTS=all go test -run '^TestMutants$$' -timeout 90m -v ./reconciler

# The planner under random faults, other ones each time.
chaos:
	go test -run '^TestProperties$$' -timeout 60m -rapid.checks=3000 -rapid.seed=$$(date +%s) ./reconciler

# Ten thousand revisions in a row, from a git remote to a host in memory: about 40
# minutes. HAVN_SOAK is another number of them.
soak:
	go test -tags soak -run '^TestTenThousandRevisions$$' -v -timeout 3h ./gitops

e2e: build images
	go test -tags e2e -count 1 -parallel 3 -timeout 60m ./e2e/...
