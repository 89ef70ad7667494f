#!/usr/bin/env bash
# A million mutated files a format under AddressSanitizer. Usage: Scripts/fuzz.sh [COUNT [FORMAT…]]
set -euo pipefail
cd "$(dirname "$0")/.."
count="${1:-1000000}"
shift || true
formats=("$@")
if [ ${#formats[@]} -eq 0 ]; then formats=(npy npz sparse-npz mtx safetensors torch-stream torch-zip events cfl nifti nifti-pair dicom png jpeg tiff mat5 mat73 hdf5 fastmri ismrmrd); fi
swift build --scratch-path .build-fuzz --sanitize=address --product fuzz-readers
failed=0
for format in "${formats[@]}"; do
  # AddressSanitizer reserves terabytes of addresses, so memory is bounded by its own limit.
  ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=4096" \
    .build-fuzz/debug/fuzz-readers "$format" --count "$count" --seed "${SEED:-1}" --no-memory-limit --keep .build-fuzz/inputs || failed=1
done
exit $failed
