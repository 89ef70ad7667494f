#!/usr/bin/env bash
# Times every piece of work against its peer, in turn, then the growth of costs. Arguments go to compare.py.
#
# The peers need Python with PyTorch:
#   python3 -m venv .venv && .venv/bin/pip install torch==2.13.0+cpu numpy --extra-index-url https://download.pytorch.org/whl/cpu
# It is found through PYTHON, or in .venv at the root of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

make_it="python3 -m venv .venv && .venv/bin/pip install torch==2.13.0+cpu numpy --extra-index-url https://download.pytorch.org/whl/cpu"
python="${PYTHON:-.venv/bin/python}"
if ! "$python" -c "import torch" >/dev/null 2>&1; then
  echo "found no Python with torch at $python; expected a virtual environment, make it with: $make_it" >&2
  exit 2
fi
if [ ! -x .build/release/unfold ]; then
  echo "found no .build/release/unfold; expected the release build, make it with: swift build -c release --product unfold" >&2
  exit 2
fi

"$python" Benchmarks/compare.py --unfold .build/release/unfold --python "$python" "$@"
.build/release/unfold bench costs
