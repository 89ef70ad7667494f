#!/usr/bin/env bash
# Tests the Python package: types, and Python/tests with the library in Python/unfoldnet, made if it is not there. The environment is
# .build-python, made with what the tests need. Usage: Scripts/python.sh [PYTEST-OPTIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$PWD/.build-python
[ -f Python/unfoldnet/libunfoldnet.so ] || Scripts/library.sh Python/unfoldnet
if [ ! -x "$environment/bin/pytest" ]; then
  "${PYTHON:-python3}" -m venv "$environment"
  "$environment/bin/pip" install -q numpy scipy pytest mypy pylops scikit-learn scikit-image tqdm ${UNFOLD_TORCH:-torch}
fi
"$environment/bin/mypy" --config-file Python/pyproject.toml Python/unfoldnet
cd Python
export PYTHONPATH=$PWD
for program in "$PWD"/../.build/release/unfold "$PWD"/../.build/debug/unfold; do
  [ -x "$program" ] && { export UNFOLD_PROGRAM=${UNFOLD_PROGRAM:-$program}; break; }
done
exec "$environment/bin/pytest" "$@"
