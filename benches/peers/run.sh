#!/usr/bin/env bash
# Measures a machine with a GPU, unattended and in under eight minutes: Triaxis beside PyTorch on the same GPU, every kernel
# of a training step, one page of it all.
#
#     run.sh [FOLDER] [TRIAXIS]
#
# It needs the binary (TRIAXIS; else the one beside this script, else the one on the path) and, for the peers, a Python
# with torch (PYTHON=...). No Rust, no network, nothing else of this folder: the binary carries the peers' scripts.
set -uo pipefail

out=${1:-bench-$(date -u +%Y%m%d-%H%M%S)}
here=$(cd "$(dirname "$0")" && pwd)
triaxis=${2:-$here/triaxis}
[ -x "$triaxis" ] || triaxis=$(command -v triaxis) || { echo "no triaxis: give its path as the second argument" >&2; exit 2; }
python=${PYTHON:-python3}
mkdir -p "$out" || exit 8

# A step that fails is told in the log and does not keep the next from being measured.
step() { printf '\n== %s\n' "$*"; "$@" || printf 'ended with %d\n' $?; }
compare() { timeout 180 "$triaxis" bench compare --python "$python" --amp --csv "$out/ratios.csv" --rows "$out/rows.csv" "$@" >/dev/null; }

{
    step timeout 30 "$triaxis" doctor
    # Compiling takes PyTorch up to a minute a network: once for all, on the network that is most often timed.
    step compare --suite train -b 256 --model efficientnet_b0 --runs 10 --minutes 2.2
    step compare --suite train -b 256 --model regnety_040 --model regnetz_040 --model resnet50 --runs 5 --rounds 2 --minutes 1.6 \
        --only torch-cuda --only torch-cuda-nchw
    step compare --suite infer -b 1 -b 256 --model efficientnet_b0 --runs 20 --minutes 1.8 \
        --only torch-cuda --only torch-cuda-compile --only torch-cuda-nchw
    step timeout 45 "$triaxis" bench training --amp -b 256 --model efficientnet_b0 --runs 3 --profile --csv "$out/kernels.csv"
    files=()
    for file in "$out"/{ratios,rows,kernels}.csv; do [ -s "$file" ] && files+=("$file"); done
    step "$triaxis" bench report "${files[@]}" --out "$out/page.html" --title "$(uname -n)"
} 2>&1 | tee "$out/log.txt"
