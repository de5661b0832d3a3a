#!/usr/bin/env bash
# The tests of threads, forks and faults for minutes instead of seconds: scripts/stress.sh [SECONDS]
# Tells at the end what was kept that should have gone: mappings, memory, descriptors, threads, handlers of signals.
# scripts/stress.sh mutants: every change of machine code before the verifier instead of a sample, which takes an hour or two.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = mutants ]; then
    export CRESSET_EXHAUSTIVE=1
    cargo test --release --test verify -- mutants:: --nocapture
    exec cargo test --test walls -- mutants:: --nocapture
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
CRESSET_STRESS_SECONDS="${1:-180}" cargo test --test walls -- threads:: faults:: publishing:: --nocapture | tee "$log"
left=$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'cresset-walls-*' | wc -l)
echo
grep '^kept by' "$log"
echo "files left in the temporary folder: $left"
