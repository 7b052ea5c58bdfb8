#!/usr/bin/env bash
# Runs every fuzz target for so many seconds (60 unless told): `bash fuzz/run.sh [SECONDS] [TARGET…]`.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"$|\1|p' Cargo.toml)

# Messages of the venue that were handed to the project are read where they lie, never committed.
fixtures=${LOBD_TEST_FIXTURES:-../../shared/fixtures}

cargo fuzz build --sanitizer none
for target in "${targets[@]}"; do
  printf '\n-- %s, %s s\n' "$target" "$seconds"
  mkdir -p "corpus/$target"
  corpora=("corpus/$target" "seeds/$target")
  case $target in
    market_frame | user_event | rest_body | recording) [ ! -d "$fixtures" ] || corpora+=("$fixtures") ;;
  esac
  cargo fuzz run --sanitizer none "$target" "${corpora[@]}" -- \
    -max_total_time="$seconds" -dict=dictionary -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    2>&1 | grep -E 'SUMMARY|ERROR|panicked|stat::number_of_executed|stat::peak|DONE|Test unit written|cov:' | tail -n 6
done
