#!/usr/bin/env bash
# The figures of README.md: PSNR of every problem on the images here, by least squares of 20 iterations and by total variation, its weight chosen from the measurement.
# Usage: figures.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")"
program=${1:-../../.build/release/unfold}
psnr() { "$program" evaluate linear "$@" --quiet --json - | sed -n 's/.*"mean": *{[^}]*"psnr": *\([0-9.]*\).*/\1/p;s/.*"mean":{[^}]*"psnr":\([0-9.]*\).*/\1/p' | head -1; }
for problem in denoising deblurring super-resolution inpainting single-pixel displaced-ct eight-coils; do
  images=images
  if [ "$problem" = single-pixel ]; then images=images/small; fi
  printf '%-18s %6.2f %6.2f dB\n' "$problem" "$(psnr least-squares --operator $problem.yaml --images $images --iterations 20)" \
    "$(psnr admm --operator $problem.yaml --images $images --prior tv:auto)"
done
