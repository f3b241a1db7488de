# An index of the scripts. All logic is in scripts/.

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

demo: ## Build poolctl and show its main job (no root).
	@scripts/demo

test: ## Run all tests (root on Debian: installs what they need; 20 minutes).
	@scripts/test

quick: ## Run the tests that take a minute.
	@scripts/test --quick

check: ## Check formatting, vet, linters and shell scripts.
	@scripts/check

bench: ## Measure beside virsh and plain system calls (root).
	@scripts/bench

.PHONY: help demo test quick check bench
