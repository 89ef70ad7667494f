#!/usr/bin/env bash
# Makes dist/unfold-VERSION-linux-MACHINE.tar.gz: the program with the libraries and the font it needs beside it, the weights that ship, shell
# completions and manual pages, for Debian 12 and later without Swift. FFTW is not in it. Usage: Scripts/dist.sh
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$PWD/.build-dist
fonts=/usr/share/fonts/truetype/dejavu
command -v patchelf >/dev/null || { echo "found no patchelf; expected Debian's package patchelf" >&2; exit 2; }
[ -f $fonts/DejaVuSans.ttf ] || { echo "found no $fonts; expected Debian's package fonts-dejavu-core" >&2; exit 2; }

${SWIFT:-swift} build -c release --disable-default-traits --scratch-path "$scratch" --product unfold -Xswiftc -static-stdlib -Xswiftc -use-ld=lld >&2
program=$scratch/release/unfold
version=$("$program" --version)
name=unfold-$version-linux-$(uname -m)
root=$PWD/dist/$name
rm -rf "$root"
mkdir -p "$root"/{bin,lib} "$root"/share/{unfold/fonts,man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,doc}

strip -o "$root/bin/unfold" "$program"
# Every library but glibc's, which must be the machine's own.
ldd "$program" | awk '$2 == "=>" {print $3}' | grep -Ev '/(libc|libm|libdl|libpthread|librt|libresolv|libutil|ld-linux[^/]*)\.so' |
  xargs -I{} cp -L {} "$root/lib/"
patchelf --set-rpath '$ORIGIN/../lib' "$root/bin/unfold"
for library in "$root"/lib/*.so*; do patchelf --set-rpath '$ORIGIN' "$library"; done

cp -r Models "$root/share/unfold/Models"
cp $fonts/DejaVuSans.ttf $fonts/DejaVuSans-Bold.ttf "$root/share/unfold/fonts/"
cat >"$root/share/unfold/fonts/fonts.conf" <<END
<?xml version="1.0"?>
<!-- The machine's own fonts where it has some, else those in this folder. -->
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">.</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
END
"$program" --generate-completion-script bash >"$root/share/bash-completion/completions/unfold"
"$program" --generate-completion-script zsh >"$root/share/zsh/site-functions/_unfold"
"$program" --generate-completion-script fish >"$root/share/fish/vendor_completions.d/unfold.fish"
Scripts/manual.py "$program" "$root/share/man/man1"
cp LICENSE README.md "$root/share/doc/"
for library in "$root"/lib/*.so*; do # the licences of what Debian packages
  package=$(dpkg -S "$(basename "$library")" 2>/dev/null | head -1 | cut -d: -f1)
  [ -z "$package" ] || cp "/usr/share/doc/$package/copyright" "$root/share/doc/$package-copyright" 2>/dev/null || true
done

cp /usr/share/doc/fonts-dejavu-core/copyright "$root/share/doc/fonts-dejavu-core-copyright"

tar -C dist -czf "dist/$name.tar.gz" "$name"
echo "dist/$name.tar.gz: $(($(stat -c %s "dist/$name.tar.gz") / 1000000)) MB"
