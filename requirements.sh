#!/bin/sh
# Makes the lock files: hashes of every package, and no address of an index in them.
set -eu
lock() {
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--quiet --extra embedded --extra build "$@" pyproject.toml
}
lock --output-file requirements.lock
lock --extra dev --output-file requirements-dev.lock
