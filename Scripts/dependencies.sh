#!/usr/bin/env bash
# Installs the Debian packages the build needs, where they are missing. Usage: Scripts/dependencies.sh [demo|test]
set -euo pipefail

packages=(
  libopenblas-pthread-dev libfftw3-dev libdnnl-dev                       # kernels
  libpng-dev libturbojpeg0-dev libtiff-dev libhdf5-dev zlib1g-dev  # files
  libnifti-dev libismrmrd-dev libdcmtk-dev                               # files of MRI
  libcairo2-dev                                                          # figures
  pkg-config
)
if [ "${1:-}" = demo ]; then packages+=(mate-backgrounds python3-pydicom mricron-data); fi # photographs, a CT slice and a head under free licences

if ! command -v swift >/dev/null 2>&1; then
  echo "found no Swift toolchain; expected Swift 6.3 or later on the PATH, install it from swift.org" >&2
  exit 2
fi
if ! command -v dpkg-query >/dev/null 2>&1; then
  if [ "$(uname)" = Darwin ]; then exit 0; fi # Homebrew's packages are the user's choice; see CONTRIBUTING.md
  echo "found no dpkg; expected Debian or a relative. Install the equivalents of: ${packages[*]}" >&2
  exit 2
fi

missing=()
find_missing() {
  missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
  done
}
install=(apt-get install -y --no-install-recommends)
sudo=()
if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
export DEBIAN_FRONTEND=noninteractive
install_missing() { # says nothing; what apt-get said stands in the log
  { "${sudo[@]}" "${install[@]}" "${missing[@]}" || { "${sudo[@]}" apt-get update && "${sudo[@]}" "${install[@]}" "${missing[@]}"; }; } \
    >/tmp/unfold-dependencies.$$ 2>&1
}

# Tests of several processes are left out where there is no MPI.
if [ "${1:-}" = test ]; then
  find_missing libopenmpi-dev openmpi-bin
  if [ ${#missing[@]} -gt 0 ] && { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1; }; then
    echo "Installing ${missing[*]}"
    install_missing || echo "found that apt-get could not install ${missing[*]}; tests of several processes are left out" >&2
    rm -f "/tmp/unfold-dependencies.$$"
  fi
fi

find_missing "${packages[@]}"
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
  echo "found these packages missing: ${missing[*]}; expected root or sudo to install them. Ask an administrator to run: ${install[*]} ${missing[*]}" >&2
  exit 2
fi
echo "Installing ${missing[*]}"
if ! install_missing; then
  tail -n 5 "/tmp/unfold-dependencies.$$" >&2
  echo "found that apt-get could not install ${missing[*]}; expected a working package source. See /tmp/unfold-dependencies.$$" >&2
  exit 2
fi
rm -f "/tmp/unfold-dependencies.$$"
