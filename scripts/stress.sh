#!/usr/bin/env bash
# The tests of threads, forks and faults for minutes instead of seconds: scripts/stress.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
CRESSET_STRESS_SECONDS="${1:-180}" cargo test --test walls -- threads:: faults:: publishing:: --nocapture
