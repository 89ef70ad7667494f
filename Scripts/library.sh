#!/usr/bin/env bash
# Builds the C library: Swift's own libraries and OpenBLAS in it, only its interface to be seen. Usage: Scripts/library.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
scratch=$PWD/.build-library
mkdir -p "$scratch/static" "$folder"

# OpenBLAS's archive alone in a folder, so that the linker takes it and not the shared library, which needs Fortran's.
archive=$(pkg-config --variable=libdir openblas)/libopenblas.a
ln -sf "$archive" "$scratch/static/libopenblas.a"
cat >"$scratch/static/openblas.pc" <<END
Name: openblas
Description: OpenBLAS as an archive
Version: 0
Cflags: $(pkg-config --cflags openblas)
Libs: -L$scratch/static -lopenblas -lpthread -lm
END
printf '{ global: unf_*; local: *; };\n' >"$scratch/exports"

PKG_CONFIG_PATH=$scratch/static:${PKG_CONFIG_PATH:-} ${SWIFT:-swift} build -c release --disable-default-traits --scratch-path "$scratch" \
  --product unfoldnet -Xswiftc -static-stdlib -Xswiftc -use-ld=lld -Xlinker --gc-sections -Xlinker "--version-script=$scratch/exports" >&2
strip --strip-unneeded -o "$folder/libunfoldnet.so" "$scratch/release/libunfoldnet.so"
size=$(stat -c %s "$folder/libunfoldnet.so")
[ "$size" -le 60000000 ] || {
  echo "found a library of $size bytes; expected at most 60 MB: its modules import Platform, not Foundation" >&2
  exit 1
}
