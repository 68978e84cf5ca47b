#!/usr/bin/env bash
# Instructions per item of every operation whose name contains FILTER, by callgrind.
# Counts repeat exactly with one toolchain on one kind of processor.
#   benches/icount.sh [FILTER]                              prints "operation instructions"
#   benches/icount.sh --check benches/icount.txt [FILTER]   fails on a rise of more than 3 %
#   benches/icount.sh --record benches/icount.txt           writes the baseline anew
set -euo pipefail
cd "$(dirname "$0")/.."
mode=print baseline=
case ${1:-} in
    --check | --record) mode=${1#--} baseline=${2:?a baseline file}; shift 2 ;;
esac
filter=${1:-}
command -v valgrind >/dev/null || { echo "icount.sh needs valgrind (apt-get install valgrind)" >&2; exit 2; }
[ -n "${ICOUNT_BIN:-}" ] || cargo build --locked --release -p benches --bin icount >&2
export bin=${ICOUNT_BIN:-${CARGO_TARGET_DIR:-target}/release/icount}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export work

# What else the counts depend on: memchr and libc choose their code by the processor.
vector=$(grep -qw avx2 /proc/cpuinfo 2>/dev/null && echo avx2 || echo no avx2)
toolchain="# $(rustc --version), $(uname -m), $vector"

measure() { # operation items
    local runs=8 out=$work/${1//\//.} total
    valgrind --tool=callgrind --callgrind-out-file="$out" --collect-atstart=no \
        --toggle-collect='*icount_measured*' "$bin" "$1" "$runs" >"$out.log" 2>&1 || { cat "$out.log" >&2; return 1; }
    total=$(awk '/^(summary|totals):/ { print $2; exit }' "$out")
    echo "$1 $((total / runs / $2))" >"$out.count"
}
export -f measure

"$bin" --list | awk -v filter="$filter" 'index($1, filter)' >"$work/list"
[ -s "$work/list" ] || { echo "no operation contains $filter" >&2; exit 2; }
xargs -P "$(nproc)" -L 1 bash -c 'measure "$@"' measure <"$work/list"
while read -r name _; do cat "$work/${name//\//.}.count"; done <"$work/list" >"$work/counts"

case $mode in
    print) cat "$work/counts" ;;
    record)
        [ -z "$filter" ] || { echo "a baseline is of all operations" >&2; exit 2; }
        { echo "$toolchain"; cat "$work/counts"; } >"$baseline"
        echo "$baseline: $(wc -l <"$work/counts") operations" >&2
        ;;
    check)
        was_toolchain=$(grep '^#' "$baseline" || true)
        awk -v filter="$filter" '
            /^#/ { next }
            NR == FNR { was[$1] = $2; next }
            !($1 in was) { printf "new      %s %d\n", $1, $2; next }
            {
                mark = $2 * 100 > was[$1] * 103 ? "slower" : $2 * 100 < was[$1] * 97 ? "faster" : "ok"
                printf "%-8s %s %d, was %d (%+.1f %%)\n", mark, $1, $2, was[$1], ($2 / was[$1] - 1) * 100
                worse += mark == "slower"
                delete was[$1]
            }
            END {
                for (name in was) if (index(name, filter)) printf "gone     %s, was %d\n", name, was[name]
                exit worse > 0
            }' "$baseline" "$work/counts" && exit 0
        if [ "$was_toolchain" != "$toolchain" ]; then
            echo "!!!! slower than $baseline, which was recorded elsewhere and so says little here:"
            echo "!!!!   there  ${was_toolchain:-(unknown)}"
            echo "!!!!   here   $toolchain"
            exit 0
        fi
        echo "!!!! slower than $baseline by more than 3 %: see the rows marked \"slower\"."
        echo "!!!! Make it faster again; or, when the work is worth it, record a new baseline and say"
        echo "!!!! why in the commit: benches/icount.sh --record benches/icount.txt"
        exit 1
        ;;
esac
