# SPDX-License-Identifier: GPL-2.0
#
# The door to everything; the work is done by scripts/.
#
# Variables:
#   ARCH=x86_64|arm64        architecture (default: this machine's)
#   FLAVOUR=release|debug    kernel to build or run (default: release)
#   JOBS=N                   parallel jobs (default: number of processors)
#   KERNEL_TARBALL=FILE      use this source tarball
#   T="name ..."             run only these tests
#   VSERVER_CACHE=DIR        where downloads, trees and builds live

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# An empty variable is one that was not given.
ifneq ($(strip $(ARCH)),)
export ARCH
endif
ifneq ($(strip $(FLAVOUR)),)
export FLAVOUR
endif
ifneq ($(strip $(JOBS)),)
export JOBS
endif
ifneq ($(strip $(KERNEL_TARBALL)),)
export KERNEL_TARBALL
endif
ifneq ($(strip $(KERNEL_SHA256)),)
export KERNEL_SHA256
endif

.PHONY: help setup kernel tools run test test-all check bench patches docs stats clean distclean

help: ## this list
	@echo 'make TARGET [ARCH=x86_64|arm64] [FLAVOUR=release|debug] [JOBS=N] [KERNEL_TARBALL=FILE]'
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install what is missing on Debian 12 or later (as root or through sudo)
	@scripts/setup.sh

kernel: ## fetch, patch, configure and build the kernel
	@scripts/setup.sh
	@scripts/build-kernel.sh

tools: ## build the vserver command
	@scripts/setup.sh
	@scripts/build-tools.sh

run: ## boot a machine with two guests, show what they can and cannot do, give a shell
	@scripts/run.sh

test: ## all tests; T="name ..." runs some of them (T=list names them)
	@scripts/test.sh $(T)

test-all: ## make test, then the build matrix: unpatched, switched off, module, built in, arm64
	@scripts/test-all.sh $(T)

check: ## format, lints, style and budgets
	@scripts/setup.sh
	@scripts/check.sh $(T)

bench: ## what the hooks cost: stock kernel, ours idle, inside a guest
	@bench/run.sh

patches: ## write the kernel tree's commits to patches/
	@scripts/make-patches.sh

docs: ## write Documentation/abi.rst from the kernel's table of commands
	@scripts/abi-doc.sh

stats: ## lines and files of the kernel that the series touches, against the budget
	@scripts/stats.sh

clean: ## remove builds and logs; downloads, the kernel tree and the toolchain stay
	@scripts/clean.sh

distclean: ## remove everything that was downloaded or made
	@scripts/clean.sh --all
