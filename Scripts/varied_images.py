#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training images for k-space networks: slices of volumes and other images as further scans might show them.

Every image is turned, scaled, stretched by some per cent, given another contrast (x^gamma) and an uneven brightness; slices of volumes, which are
averages of many scans, also get the noise of a magnitude image and, some of them, empty margins. 256 x 256 pixels, PNG of 8 bits, the largest
value 255. The same arguments and seed give the same images. Needs NumPy, SciPy, Pillow and, for volumes, nibabel.

    Scripts/varied_images.py OUT --volume ch2.nii.gz 3 --volume mni_icbm152_t1.nii.gz 4 --images siat/train --images chest-train
"""

import argparse
import pathlib

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 256


def slices(path, step):
    """Every step-th slice along each axis of a volume, but for its ends, where at least an eighth of the pixels shows something."""
    import nibabel

    volume = np.maximum(np.asanyarray(nibabel.load(path).dataobj).astype(np.float32).transpose(2, 1, 0), 0)
    volume /= volume.max()
    for axis in range(3):
        extent = volume.shape[axis]
        for index in range(extent // 10, extent * 9 // 10, step):
            image = np.take(volume, index, axis)
            if (image > 0.1).mean() > 0.12:
                yield image / image.max()


def images(folder):
    """Magnitudes of arrays, and pictures."""
    for path in sorted(pathlib.Path(folder).iterdir()):
        image = np.abs(np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))).astype(np.float32)
        image = image.mean(2) if image.ndim == 3 else image
        yield image / image.max()


def varied(image, is_average, rng):
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.3 else rng.normal(0, 0.12) + rng.integers(4) * np.pi / 2
    scale = (215 / max(image.shape) if is_average else 1) * np.exp(rng.uniform(-0.25, 0.15))
    stretch = np.exp(rng.normal(0, 0.06))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / np.array([scale * stretch, scale / stretch])
    middle = np.full(2, SIDE / 2 - 0.5) + rng.normal(0, 4, 2)
    offset = np.array(image.shape) / 2 - 0.5 - turn @ middle
    x = np.clip(ndimage.affine_transform(image, turn, offset, (SIDE, SIDE), order=3 if rng.random() < 0.5 else 1), 0, 1)
    x = x ** np.exp(rng.uniform(-0.5, 0.5))
    v, u = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    k = rng.normal(0, 0.15, 5)
    x = x * np.exp(k[0] * u + k[1] * v + k[2] * u * v + k[3] * u * u + k[4] * v * v)
    if is_average:
        noise = rng.normal(0, rng.uniform(0.003, 0.03), (2, SIDE, SIDE))
        if rng.random() < 0.5:
            noise = ndimage.gaussian_filter(noise, (0, *rng.uniform(0.3, 0.7, 2)))
        x = np.hypot(x + noise[0], noise[1])
        if rng.random() < 0.6:
            margin = rng.integers(0, 40)
            kept = np.zeros_like(x)
            inside = (slice(None), slice(margin, SIDE - margin))
            inside = inside if rng.random() < 0.5 else inside[::-1]
            kept[inside] = x[inside]
            x = kept
    return x / x.max()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--volume", nargs=2, action="append", default=[], metavar=("FILE", "STEP"), help="three of every slice")
    parser.add_argument("--images", action="append", default=[], metavar="FOLDER", help="two of every image")
    parser.add_argument("--seed", type=int, default=2018)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    given = [(image, True) for path, step in options.volume for image in slices(path, int(step))]
    given += [(image, False) for folder in options.images for image in images(folder)]
    count = 0
    for image, is_average in given:
        for _ in range(3 if is_average else 2):
            pixels = (varied(image, is_average, rng) * 255 + 0.5).astype(np.uint8)
            Image.fromarray(pixels).save(options.out / f"{count:04d}.png")
            count += 1
    print(f"{len(given)} images, {count} varied ones in {options.out}")


if __name__ == "__main__":
    main()
