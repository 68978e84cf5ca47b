#!/usr/bin/env bash
# Instructions per item of every operation whose name contains FILTER, by callgrind.
# Counts repeat exactly on one machine and toolchain; `--check FILE` fails on a rise of more than 3 %.
#   benches/icount.sh [FILTER]                 prints "operation instructions"
#   benches/icount.sh --check benches/icount.txt [FILTER]
set -euo pipefail
cd "$(dirname "$0")/.."
baseline=
if [ "${1:-}" = --check ]; then baseline=${2:?a baseline file}; shift 2; fi
filter=${1:-}
command -v valgrind >/dev/null || { echo "icount.sh needs valgrind (apt-get install valgrind)" >&2; exit 2; }
cargo build --locked --release -p benches --bin icount >&2
bin=${CARGO_TARGET_DIR:-target}/release/icount
out=$(mktemp); trap 'rm -f "$out"' EXIT
worst=0
while read -r name items; do
    case $name in *"$filter"*) ;; *) continue ;; esac
    runs=20
    valgrind --tool=callgrind --callgrind-out-file="$out" --collect-atstart=no \
        --toggle-collect='*icount_measured*' "$bin" "$name" "$runs" >/dev/null 2>&1
    total=$(awk '/^(summary|totals):/ { print $2; exit }' "$out")
    per=$((total / runs / items))
    if [ -z "$baseline" ]; then
        echo "$name $per"
        continue
    fi
    was=$(awk -v name="$name" '$1 == name { print $2 }' "$baseline")
    if [ -z "$was" ]; then
        echo "new      $name $per"
    elif [ $((per * 100)) -gt $((was * 103)) ]; then
        echo "slower   $name $per, was $was"
        worst=1
    else
        echo "ok       $name $per, was $was"
    fi
done < <("$bin" --list)
exit $worst
