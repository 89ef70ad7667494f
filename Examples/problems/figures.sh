#!/usr/bin/env bash
# The figures of README.md: mean PSNR of every problem on the images here, by least squares of 20 iterations and by total variation, its weight chosen from the measurement.
# Usage: figures.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")"
program=${1:-../../.build/release/unfold}
psnr() { "$program" evaluate linear "$@" --images images --quiet --json - | tr -d ' \n' | sed 's/.*"mean":{"psnr":\([0-9.-]*\).*/\1/'; }
for problem in denoising deblurring super-resolution inpainting single-pixel; do
  printf '| %-18s | %6.2f | %6.2f |\n' "$problem" "$(psnr least-squares --operator $problem.yaml --iterations 20)" \
    "$(psnr admm --operator $problem.yaml --prior tv:auto)"
done
