#!/usr/bin/env bash
# Each fuzz target in turn, one process at a time: scripts/fuzz.sh [SECONDS FOR EACH]. Needs a nightly toolchain and `cargo install cargo-fuzz`.
# What is found lies in fuzz/artifacts; put it into fuzz/seeds/TARGET, where `cargo test --test evil` runs it ever after.
set -euo pipefail
cd "$(dirname "$0")/.."
for target in $(cargo +nightly fuzz list); do
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="${1:-300}" -timeout=30 -rss_limit_mb=4096 -print_final_stats=1
done
