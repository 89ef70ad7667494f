#!/bin/sh
# Writes Documentation/Options.md: the --help of every command and problem, as the built program gives it. Usage: Scripts/options.sh [PROGRAM [FILE]]
set -eu
cd "$(dirname "$0")/.."
program=${1:-.build/release/unfold}
target=${2:-Documentation/Options.md}
export COLUMNS=120
problems="sparse-coding sparse-recovery image-cs cs-mri ct emt eit denoising linear"
{
  echo "# Options"
  echo
  echo "The \`--help\` of every command, written by \`Scripts/options.sh\`; what the commands do stands in [Command line](CommandLine.md)."
  for command in simulate train reconstruct evaluate; do
    for problem in $problems; do
      printf '\n## %s %s\n\n```\n' "$command" "$problem"
      "$program" "$command" "$problem" --help
      echo '```'
    done
  done
  for command in demo reproduce convert inspect gather bench check; do
    printf '\n## %s\n\n```\n' "$command"
    "$program" "$command" --help
    echo '```'
  done
} >"$target"
