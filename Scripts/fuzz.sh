#!/usr/bin/env bash
# A million mutated files a format, and 10 000 calls a function of the C interface, under AddressSanitizer; or COUNT of each.
# Usage: Scripts/fuzz.sh [COUNT [FORMAT|FUNCTION…]]
set -euo pipefail
cd "$(dirname "$0")/.."
count="${1:-}"
shift || true
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  names=(npy npz sparse-npz mtx safetensors torch-stream torch-zip events cfl nifti nifti-pair dicom png jpeg tiff mat5 mat73 hdf5 fastmri ismrmrd)
  mapfile -t functions < <(grep -oE '"unf_[a-z_]+"' Sources/FuzzReaders/InterfaceCalls.swift | tr -d '"')
  names+=("${functions[@]}")
fi
swift build --scratch-path .build-fuzz --sanitize=address --product fuzz-readers
failed=0
for name in "${names[@]}"; do
  case $name in unf_*) usual=10000 ;; *) usual=1000000 ;; esac
  # AddressSanitizer reserves terabytes of addresses, so memory is bounded by its own limit.
  ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=4096" \
    .build-fuzz/debug/fuzz-readers "$name" --count "${count:-$usual}" --seed "${SEED:-1}" --no-memory-limit --keep .build-fuzz/inputs || failed=1
done
exit $failed
