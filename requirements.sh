#!/bin/sh
# Makes the lock files: hashes of every package, and no address of an index in them.
set -eu
lock() {
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--quiet --extra build "$@" pyproject.toml
}
lock --extra embedded --output-file requirements.lock
lock --extra embedded --extra workers --extra dev --output-file requirements-dev.lock
# The floors of pyproject.toml, for `make test-lowest`.
lock --extra unit --extra workers --resolution lowest-direct --output-file requirements-lowest.lock
