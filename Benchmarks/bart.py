# SPDX-License-Identifier: Apache-2.0
"""Total variation by BART and by Unfold from the same k-space, a file that `unfold simulate` wrote: objective, PSNR and time.

Both minimise ½‖P F S x − y‖² + λ Σᵢ ‖(∇x)ᵢ‖₂ over complex x, whole commands, in turn; with several coils both are given BART's maps.
BART gets the penalty ρ, of a list, with which its objective is lowest after as many iterations. The objective is computed here, from the
images that the two wrote. BART's differences look backward, Unfold's forward: each is judged by its own.

Needs BART (Debian: bart), NumPy and Pillow. Usage: bart.py [--image FILE] [--unfold PROGRAM] [--rounds N] [--iterations N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

WEIGHT = 5e-4
PENALTIES = (0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)  # the first is BART's default
HERE = os.path.dirname(os.path.abspath(__file__))


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def run(command, threads):
    begin = time.perf_counter()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        fail(f"{' '.join(command)}: exit status {done.returncode}: {last}")
    return seconds


def read(name):
    with open(name + ".hdr", encoding="ascii") as file:
        sizes = [int(word) for word in file.read().splitlines()[1].split()]
    return np.fromfile(name + ".cfl", np.complex64).reshape(sizes[::-1]).squeeze().astype(complex)


def objective(x, k_space, maps, shift):
    axes = (-2, -1)
    images = np.fft.ifftshift(maps * x, axes=axes)
    samples = np.fft.fftshift(np.fft.fft2(images, norm="ortho", axes=axes), axes=axes)
    mask = np.any(k_space.reshape(-1, *x.shape) != 0, axis=0)
    variation = np.sqrt(sum(abs(np.roll(x, shift, axis) - x) ** 2 for axis in (0, 1))).sum()
    return 0.5 * (abs(mask * samples - k_space) ** 2).sum() + WEIGHT * variation


def compare(coils, options, folder):
    k, maps, theirs, ours = (os.path.join(folder, name) for name in ("k", "maps", "bart", "unfold"))
    ratio = ["--ratio", "0.2"] if coils == 1 else ["--ratio", "0.25", "--mask", "cartesian", "--coils", str(coils), "--noise-snr", "40"]
    run([options.unfold, "simulate", "cs-mri", options.image, "-o", k + ".cfl", "--quiet", *ratio], options.threads)
    truth = np.asarray(Image.open(options.image).convert("L")) / 255
    if coils == 1:
        run(["bart", "ones", "2", str(truth.shape[1]), str(truth.shape[0]), maps], options.threads)
    else:
        run(["bart", "ecalib", "-m1", k, maps], options.threads)
    k_space, sensitivities = read(k), read(maps)

    def bart(penalty):
        return ["bart", "pics", "-w", "1", "-R", f"T:3:0:{WEIGHT}", "-u", str(penalty), "-i", str(options.iterations), k, maps, theirs]

    def scored(name, shift):
        x = read(name)
        error = np.mean((abs(x) - truth) ** 2)
        return objective(x, k_space, sensitivities, shift), -10 * np.log10(error)

    found = {}
    for penalty in PENALTIES:
        run(bart(penalty), options.threads)
        found[penalty] = scored(theirs, 1)
    best = min(PENALTIES, key=lambda penalty: found[penalty][0])
    unfold = [options.unfold, "reconstruct", "tv", k + ".cfl", "-o", ours + ".cfl", "--lambda", str(WEIGHT), "--iterations",
              str(options.iterations), "--threads", str(options.threads), "--quiet"]
    if coils > 1:
        unfold += ["--maps", maps + ".cfl"]
    times = {"bart": [], "unfold": []}
    for _ in range(options.rounds):
        times["unfold"].append(run(unfold, options.threads))
        times["bart"].append(run(bart(best), options.threads))
    rows = [("bart, default ρ = 0.5", *found[0.5], None), (f"bart, ρ = {best}", *found[best], statistics.median(times["bart"])),
            ("unfold", *scored(ours, -1), statistics.median(times["unfold"]))]
    print(f"{coils} coil{'s' if coils > 1 else ''}, {truth.shape[0]} × {truth.shape[1]}, {options.iterations} iterations, λ = {WEIGHT}")
    for name, value, decibel, seconds in rows:
        print(f"  {name:<24} objective {value:>9.5f}   PSNR {decibel:>6.2f} dB   " + (f"{seconds:>7.3f} s" if seconds else ""))
    print(f"  bart / unfold {rows[1][3] / rows[2][3]:.2f}")


def main():
    parser = argparse.ArgumentParser(description="Compare total variation by unfold with BART's.")
    data = os.environ.get("UNFOLD_DATA")
    parser.add_argument("--image", default=data and os.path.join(data, "mri", "brain_test", "brain_test_10.png"))
    parser.add_argument("--unfold", default=os.path.join(HERE, "..", ".build", "release", "unfold"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if not options.image:
        fail("found no image; expected --image FILE, or UNFOLD_DATA")
    if subprocess.run(["sh", "-c", "command -v bart"], stdout=subprocess.DEVNULL).returncode != 0:
        fail("found no bart; expected BART 0.8 or later, on Debian the package bart")
    with tempfile.TemporaryDirectory() as folder:
        for coils in (1, 8):
            compare(coils, options, folder)


if __name__ == "__main__":
    main()
