#!/usr/bin/env bash
# Builds every target into $OUT with its seeds, past crashes and words, as OSS-Fuzz wants it.
# Here: OUT=/tmp/out fuzz/oss-fuzz/build.sh
set -euo pipefail
[ -n "${SRC:-}" ] && cd "$SRC/proto-family" || cd "$(dirname "$0")/../.."
: "${OUT:?where the targets go}"
mkdir -p "$OUT"
host=$(rustc -vV | sed -n 's/^host: //p')
# Without the link-time optimisation of a release, which takes long for so many targets and finds no more.
export CARGO_PROFILE_RELEASE_LTO=off
# With the peers of the differential targets, as in `.ci/run fuzz`.
cargo fuzz build --release --debug-assertions --features peers-sip,peers-rtsp,peers-xmpp
for file in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$file" .rs)
    cp "fuzz/target/$host/release/$target" "$OUT/" 2>/dev/null || cp "target/$host/release/$target" "$OUT/"
    seeds=()
    for dir in "fuzz/corpus/$target" "fuzz/crashes/$target"; do
        [ ! -d "$dir" ] || seeds+=("$dir")
    done
    python3 - "$OUT/${target}_seed_corpus.zip" "${seeds[@]}" <<'PYTHON'
import pathlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as seeds:
    for directory in sys.argv[2:]:
        for file in sorted(pathlib.Path(directory).iterdir()):
            seeds.write(file, f"{file.parent.parent.name}-{file.name}")
PYTHON
    dict=fuzz/dict/${target%%_*}.dict
    [ ! -f "$dict" ] || cp "$dict" "$OUT/$target.dict"
done
