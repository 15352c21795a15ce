#!/usr/bin/env bash
# Builds h2spec, the conformance suite for HTTP/2 servers, into .reference/h2spec/.
# Needs Go and its module proxy; exits 1, naming the reason, where it cannot. The suite http2 is then skipped by name.
set -euo pipefail
dir=$(cd "$(dirname "$0")/.." && pwd)/.reference/h2spec
version=v2.2.1+incompatible # the newest that the Go module proxy has
if [ -x "$dir/h2spec" ]; then "$dir/h2spec" --version; exit 0; fi
command -v go >/dev/null || { echo "h2spec: Go is missing" >&2; exit 1; }
mkdir -p "$dir"
GOBIN=$dir GOFLAGS=-mod=mod go install "github.com/summerwind/h2spec/cmd/h2spec@$version" || { echo "h2spec: go install failed" >&2; exit 1; }
"$dir/h2spec" --version
