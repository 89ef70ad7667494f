#!/usr/bin/env bash
# Writes the reference as a static site: the pages of Documentation, every public symbol of every module, and Python's reference beside them.
# A broken link ends it. Usage: Scripts/docs.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
site=$(realpath -m "${1:-site}")
work=$PWD/.build-docs
rm -rf "$work/graphs" "$work/Unfold.docc" "$site"
mkdir -p "$work/graphs" "$work/Unfold.docc"
docc=$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")/docc

${SWIFT:-swift} package --scratch-path "${SCRATCH:-.build}" dump-symbol-graph --minimum-access-level public --skip-synthesized-members >"$work/log" 2>&1
graphs=$(find "${SCRATCH:-.build}/" -type d -name symbolgraph | head -1)
for module in Tensors Operators ProximalMaps Denoisers Problems Algorithms Networks Training WeightFiles LinearSystems FileFormats Datasets Metrics Evaluation Experiments; do
  cp "$graphs/$module.symbols.json" "$graphs/$module"@*.symbols.json "$work/graphs/" 2>/dev/null || true
done
Scripts/docc.py Documentation "$work/Unfold.docc"

"$docc" convert "$work/Unfold.docc" --additional-symbol-graph-dir "$work/graphs" --fallback-display-name Unfold --fallback-bundle-identifier unfold \
  --transform-for-static-hosting --hosting-base-path "${BASE:-/}" --output-path "$site" --diagnostic-level warning 2>&1 | tee "$work/diagnostics" | tail -20
if grep -E "doesn't exist at|unresolved|not found" "$work/diagnostics" | grep -q .; then
  echo "found broken links; expected none, see $work/diagnostics" >&2
  exit 1
fi
PYTHONPATH=Python "${PYTHON:-python3}" -m pydoc -w unfoldnet >/dev/null && mkdir -p "$site/python" && mv unfoldnet.html "$site/python/index.html"
echo "$site/documentation"
