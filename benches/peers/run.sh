#!/usr/bin/env bash
# Measures a machine with a GPU, unattended and in under eight minutes: Triaxis beside PyTorch on the same GPU, every kernel
# of a training step, how time follows activations, how soon a picture is named; one page of it all.
#
#     run.sh [FOLDER] [TRIAXIS]
#
# It needs the binary (TRIAXIS; else the one beside this script, else the one on the path) and, for the peers, a Python
# with torch (PYTHON=...). No Rust, no network, nothing else of this folder: the binary carries the peers' scripts. burn is
# measured, too, where its program `peer-burn` lies beside this script, beside TRIAXIS or on the path.
#
# For other machines, in the environment: MINUTES (8) in all, of which every step has its share; BATCH (256) and, for scaled
# networks, SCALING_BATCH (32); IMG_SIZE (each network's own), pixels; PRECISION (f16, or f32); PEERS (torch-cuda
# torch-cuda-nchw) and COMPILED (torch-cuda-compile) among the names of `peers.py list`; PHOTO, the picture that is named.
set -uo pipefail
export LC_ALL=C

out=${1:-bench-$(date -u +%Y%m%d-%H%M%S)}
here=$(cd "$(dirname "$0")" && pwd)
triaxis=${2:-$here/triaxis}
[ -x "$triaxis" ] || triaxis=$(command -v triaxis) || { echo "no triaxis: give its path as the second argument" >&2; exit 2; }
minutes=${MINUTES:-8}
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || { echo "MINUTES is $minutes: give a whole number" >&2; exit 2; }
mkdir -p "$out" || exit 8
scratch=$(mktemp -d) || exit 8
trap 'rm -rf "$scratch"' EXIT
PATH=$PATH:$here # for peer-burn

batch=${BATCH:-256}
size=(${IMG_SIZE:+--img-size "$IMG_SIZE"})
precision=${PRECISION:-f16} amp=()
[ "$precision" = f32 ] || amp=(--amp)
peers=() compiled=()
for name in ${PEERS-torch-cuda torch-cuda-nchw}; do peers+=(--only "$name"); done
for name in ${COMPILED-torch-cuda-compile}; do compiled+=(--only "$name"); done

# The last fifteen seconds are the page's.
end=$((SECONDS + minutes * 60 - 15))

# share SECONDS: of eight minutes, scaled to those there are; no more than is left.
share() {
    local most=$(($1 * minutes / 8)) left=$((end - SECONDS))
    echo $((most < left ? most : left))
}

# step SECONDS COMMAND...: a command that fails, or takes longer than its share, is told in the log and does not keep the next
# from being measured.
step() {
    local most
    most=$(share "$1")
    shift
    printf '\n== %s\n' "$*" >&2
    [ "$most" -gt 0 ] || { echo "left out: the time is over" >&2; return; }
    timeout --kill-after=5 "$most" "$@" || printf 'ended with %d\n' $? >&2
}

# compare SECONDS OPTIONS...: rounds of ours and of peers, which are told to end fifteen seconds before they are ended.
compare() {
    local most
    most=$(($(share "$1") - 15))
    step "$1" "$triaxis" bench compare --python "${PYTHON:-python3}" "${amp[@]}" "${size[@]}" --csv "$out/ratios.csv" \
        --rows "$out/rows.csv" --minutes "$(awk "BEGIN { print ($most > 1 ? $most : 1) / 60 }")" "${@:2}" >/dev/null
}

# 500 × 375 random pixels as a BMP, where no photograph is given.
photo() {
    printf 'BM\x7a\x95\x08\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xf4\x01\0\0\x77\x01\0\0\x01\0\x18\0\0\0\0\0\x44\x95\x08\0'
    printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    head -c 562500 /dev/urandom
}

# From the start of the process to the printed answer, six times, of which the first fills the driver's cache. The weights are
# those of a training of one step.
predict() {
    local picture=${PHOTO:-$scratch/photo.bmp} side=${IMG_SIZE:-224} begin all=()
    [ -n "${PHOTO:-}" ] || photo >"$picture"
    step 30 "$triaxis" train --model efficientnet_b0 --data-dir synthetic:20 --epochs 1 -b 20 --img-size "$side" \
        --output "$scratch" --experiment b0 >/dev/null
    for _ in 1 2 3 4 5 6; do
        begin=${EPOCHREALTIME/[.,]/}
        step 20 "$triaxis" predict --weights "$scratch/b0" --precision "$precision" "$picture" >"$scratch/answer" 2>&1
        all+=($((${EPOCHREALTIME/[.,]/} - begin)))
        grep -q ' %' "$scratch/answer" || { cat "$scratch/answer"; return; }
    done
    # Of those behind the first the median, the least and the greatest, milliseconds.
    printf '%s\n' "${all[@]:1}" | sort -n | awk -v first="${all[0]}" -v side="$side" -v floats="$precision" '
        { t[NR] = $1 / 1000 }
        END {
            print "suite,case,device,median_ms,min_ms,max_ms,first_ms,reps,model,resolution,batch,precision,clock"
            printf "predict,efficientnet_b0_r%d_b1_%s,triaxis,%s,%s,%s,%s,%d,efficientnet_b0,%d,1,%s,wall clock\n",
                side, floats, t[int((NR + 1) / 2)], t[1], t[NR], first / 1000, NR, side, floats
        }' | tee "$out/predict.csv"
}

{
    step 30 "$triaxis" doctor
    compare 130 --suite train -b "$batch" --model efficientnet_b0 --model regnety_040 --model regnetz_040 --model resnet50 "${peers[@]}"
    compare 90 --suite infer -b 1 -b "$batch" --model efficientnet_b0 --runs 20 "${peers[@]}" "${compiled[@]}"
    step 40 "$triaxis" bench training "${amp[@]}" -b "$batch" --model efficientnet_b0 "${size[@]}" --runs 3 --profile \
        --csv "$out/kernels.csv" >/dev/null
    step 70 "$triaxis" bench scaling "${amp[@]}" -b "${SCALING_BATCH:-32}" "${size[@]}" --factors 1,4,16 --runs 3 \
        --csv "$out/scaling.csv" >/dev/null
    predict
    if command -v peer-burn || [ -x "$(dirname "$triaxis")/peer-burn" ]; then
        compare 60 --suite train -b "$batch" --model efficientnet_b0 --rounds 2 --only burn
    fi
    # Compiling takes PyTorch up to a minute a network, so this comes last.
    [ ${#compiled[@]} -eq 0 ] || compare 100 --suite train -b "$batch" --model efficientnet_b0 --runs 10 "${compiled[@]}"
    end=$((end + 10))
    files=()
    for file in "$out"/{ratios,rows,scaling,predict,kernels}.csv; do [ -s "$file" ] && files+=("$file"); done
    step 10 "$triaxis" bench report "${files[@]}" --out "$out/page.html" --title "$(uname -n)"
} 2>&1 | tee "$out/log.txt"
