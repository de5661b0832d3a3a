#!/usr/bin/env bash
# Each fuzz target in turn, one process at a time: scripts/fuzz.sh [SECONDS FOR EACH [TARGET …]]. Needs a nightly toolchain and `cargo install cargo-fuzz`.
# What is found lies in fuzz/artifacts/TARGET; put it into fuzz/seeds/TARGET, where `cargo test --test evil` runs it ever after.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-300}"
shift || true
[ $# -gt 0 ] || set -- $(cargo +nightly fuzz list)
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    # Said outright, so that nothing lands where the script was started.
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -artifact_prefix="fuzz/artifacts/$target/" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -print_final_stats=1
done
