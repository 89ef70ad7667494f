#!/usr/bin/env bash
# Writes the reference as a static site: the pages of Documentation, every public symbol of every module, and Python's reference beside them.
# A broken link ends it. Usage: Scripts/docs.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
site=$(realpath -m "${1:-site}")
work=$PWD/.build-docs
swift=$(command -v "${SWIFT:-swift}")
docc=$(dirname "$(readlink -f "$swift")")/docc
[ -x "$docc" ] || docc=$(command -v docc) || { echo "found no docc beside $swift; expected Swift's, which toolchains of swift.org have" >&2; exit 2; }
rm -rf "$work/graphs" "$work/Unfold.docc" "$site"
mkdir -p "$work"/{symbols,graphs,Unfold.docc}

# The compiler writes a module's symbols when it compiles that; nothing is linked.
flags=()
for flag in -emit-symbol-graph -emit-symbol-graph-dir "$work/symbols" -symbol-graph-minimum-access-level public -symbol-graph-skip-synthesized-members; do
  flags+=(-Xswiftc "$flag")
done
"$swift" build --scratch-path "$work" --target Experiments "${flags[@]}" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
for module in Platform Communication Kernels Tensors Operators ProximalMaps Denoisers Problems Algorithms Networks Training WeightFiles \
  LinearSystems FileFormats Datasets Metrics Evaluation Experiments; do
  cp "$work/symbols/$module.symbols.json" "$work/graphs/"
  cp "$work/symbols/$module"@*.symbols.json "$work/graphs/" 2>/dev/null || true
done
Scripts/docc.py Documentation "$work/Unfold.docc" "$work/graphs"

"$docc" convert "$work/Unfold.docc" --additional-symbol-graph-dir "$work/graphs" --fallback-display-name Unfold --fallback-bundle-identifier unfold \
  --transform-for-static-hosting --hosting-base-path "${BASE:-/}" --output-path "$site" --diagnostic-level warning >"$work/diagnostics" 2>&1 ||
  { tail -20 "$work/diagnostics" >&2; exit 1; }
if grep -E "doesn't exist at|is ambiguous at|fails to resolve|unresolved|not found" "$work/diagnostics" >&2; then
  echo "found broken links; expected none, see $work/diagnostics" >&2
  exit 1
fi
PYTHONPATH=Python "${PYTHON:-python3}" -m pydoc -w unfoldnet >/dev/null && mkdir -p "$site/python" && mv unfoldnet.html "$site/python/index.html"
echo "$site/documentation"
