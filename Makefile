# Two commands for a fresh machine: `make demo` and `make test`. Each does all of its own set-up.

# What the demo trains; on two cores with a software driver this stays under three minutes.
DEMO := --recipe recipes/demo.toml --data-dir synthetic --output output --experiment demo

export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-long check setup

demo: setup ## Train a small network on built-in pictures; the last line is the report's path
	cargo build --release --package triaxis
	@cargo run --quiet --release --package triaxis -- train $(DEMO)

test: setup ## Run every test
	cargo test --workspace

test-long: setup ## Run every test, and those that take too long for each change
	cargo test --workspace --release --features triaxis-tests/long,triaxis/long
	cargo test --package triaxis --features hub,parquet --lib -- hub parquet # a stand-in for the Hub, files of the tests
	TRIAXIS_CHECKED=1 cargo test --package triaxis-tests --release # the kernels with bounds checks

check: setup ## Formatting, lints, documentation, spelling
	.ci/run fmt clippy doc typos

setup: ## Install what is missing: a C compiler, a Vulkan driver
	@scripts/setup

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12
