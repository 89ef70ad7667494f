#!/usr/bin/env bash
# Runs the tests that are built, module by module, and prints the time of each. Usage: Scripts/test.sh debug|release
#
# In debug, unless UNFOLD_LONG_TESTS is set, without what has no derivatives and is tested in release anyway: kernels, the readers of files,
# and the runs of the program but for those of several processes, of interrupted trainings and of derivatives' names.
set -uo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
configuration=$1
bundle=.build/$configuration/UnfoldPackageTests.xctest
filter() { # of a module's tests
  if [ "$configuration" = debug ] && [ -z "${UNFOLD_LONG_TESTS:-}" ]; then
    case $1 in
    KernelsTests | FileFormatsTests) return 1 ;;
    EndToEndTests) echo "^$1\\.(ProcessesTests|ResumedTrainingTests|DerivativeThunkTests)"; return ;;
    esac
  fi
  echo "^$1\\."
}
run() { # On Linux the bundle is a program; elsewhere the package manager starts it.
  if [ -x "$bundle" ] && [ ! -d "$bundle" ]; then
    "$bundle" --testing-library swift-testing --filter "$1"
  else
    $swift test -c "$configuration" --skip-build --filter "$1"
  fi
}
failed=0 table=
for folder in Tests/*Tests/; do
  module=$(basename "$folder")
  tests=$(filter "$module") || continue
  begin=$SECONDS
  output=$(mktemp)
  run "$tests" 2>&1 | tee "$output" | grep -v " started\.$"
  status=${PIPESTATUS[0]}
  count=$(sed -n 's/.*Test run with \([0-9]*\) tests\{0,1\} in .*/\1/p' "$output" | tail -1)
  rm -f "$output"
  if [ "$status" -ne 0 ]; then failed=1; fi
  if [ "${count:-0}" -eq 0 ]; then
    echo "$module: found no test that ran; expected some"
    failed=1
  fi
  table+=$(printf '%-20s %4d tests %5d s%s' "$module" "${count:-0}" $((SECONDS - begin)) \
    "$([ "$status" -eq 0 ] || echo '  FAILED')")$'\n'
done
printf '\nTime by module, %s:\n%s' "$configuration" "$table"
exit $failed
