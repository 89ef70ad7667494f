#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs files that other programs' users reported faults of: cases.py PROGRAM FOLDER [NUMBER]...

FOLDER holds the inputs and README.md with the table of them; the last column there says what is right, and each function below holds one row to
it. Prints a line a row: its number, ok or FAULT, what came out. Exits with 1 when a row is at fault. Needs numpy and h5py.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np


class Fault(Exception):
    pass


def expect(condition, found):
    if not condition:
        raise Fault(found)


class Unfold:
    """The program, with a folder for what it writes."""

    def __init__(self, program, cases, folder):
        self.program, self.cases, self.folder = os.path.abspath(program), os.path.abspath(cases), folder

    def case(self, name):
        return os.path.join(self.cases, name)

    def out(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words, status=0):
        """Standard output and error in one text; a file of FOLDER is found by its name, which has a slash or an extension."""
        found = [self.case(w) if ("/" in w or "." in w) and os.path.exists(self.case(w)) else w for w in words]
        done = subprocess.run([self.program, *found], cwd=self.folder, capture_output=True, text=True, errors="replace", timeout=600)
        text = (done.stdout + done.stderr).strip()
        expect(done.returncode == status, f"status {done.returncode} of {' '.join(words[:3])}: {self.short(text)}")
        return text

    def refused(self, *words, by):
        """One line that matches `by`; nothing is written."""
        text = self.run(*words, status=2)
        lines = [line for line in text.splitlines() if line.startswith("error")]
        expect(len(lines) == 1 and re.search(by, lines[0]), f"refused without {by}: {self.short(text)}")
        return "refused: " + self.short(lines[0])

    def short(self, text):
        return text.replace(self.cases + "/", "").replace(self.folder + "/", "").replace("\n", " / ")[:160]

    def arrays(self, name, *options):
        text = self.run("convert", name, self.out("x.npz"), *options)
        with np.load(self.out("x.npz")) as file:
            return {key: file[key] for key in file.files}, text

    def image(self, *words, name="x.npy"):
        text = self.run("reconstruct", *words, "-o", self.out(name), "--quiet")
        return np.load(self.out(name)), text

    def score(self, *words):
        """The first image's score, and the answer."""
        text = self.run("evaluate", *words, "--json", self.out("x.json"))
        with open(self.out("x.json")) as file:
            answer = json.load(file)
        return answer["images"][0], answer, text

    def slices(self, *words):
        """Images that `simulate ct` measured, in their order, and the measurements."""
        text = self.run("simulate", "ct", *words, "-o", self.out("m.h5"), "--ground-truth")
        with h5py.File(self.out("m.h5")) as file:
            def of(group):
                return [file[group][key][()] for key in sorted(file[group], key=int)]
            return of("ground_truth"), of("measurement"), file.attrs["names"].split("/"), text


def error(found, right):
    return float(np.linalg.norm(np.abs(found) - np.abs(right)) / np.linalg.norm(right))


def means_of_disc(image, x=10, y=6, radius=12):
    """Means of an image of 1 mm pixels inside the disc, less 3 pixels, and outside it within the field."""
    n = image.shape[0]
    column, row = np.meshgrid(np.arange(n), np.arange(n))
    across, up = column - (n - 1) / 2, (n - 1) / 2 - row
    best = None
    for sign in (1, -1):  # y upwards or downwards: an orientation of the picture, not of the scan
        distance = np.hypot(across - x, up - sign * y)
        inside = image[distance < radius - 3].mean()
        outside = image[(distance > radius + 3) & (np.hypot(across, up) < n / 2 - 2)].mean()
        if best is None or abs(inside - 1) < abs(best[0] - 1):
            best = (inside, outside)
    return best


def disc(u, name, *options):
    image, _ = u.image("ct", "fbp", name, *options)
    inside, outside = means_of_disc(image)
    expect(abs(inside - 1) < 0.01 and abs(outside) < 0.01, f"{name}: {inside:.3f} inside, {outside:.3f} outside")
    return f"{inside:.3f} inside, {outside:.3f} outside"


def row1(u):
    found, _ = u.arrays("h5/real_imag.h5")
    expect(np.array_equal(found["k"], np.load(u.case("h5/real_imag_expected.npy"))), f"{list(found)}")
    return "k is complex, equal"


def fan_scan(u, name, degrees, start=0, said="half", detector="arc"):
    """A scan of row 2's disc from so many degrees (the other way below 0), by its closed form, with the geometry of ct/fan_short_half.h5."""
    angles = np.radians(start) + np.radians(degrees) * np.arange(500) / 500
    bins = (np.arange(151) - 75) * 1.5
    fan = bins / 400 if detector == "arc" else np.arctan(bins / 400)
    source, ray = angles[:, None] + np.pi / 2, angles[:, None] + np.pi / 2 + fan
    distance = (10 - 200 * np.cos(source)) * -np.sin(ray) + (6 - 200 * np.sin(source)) * np.cos(ray)
    with h5py.File(u.case("ct/fan_short_half.h5")) as half, h5py.File(u.out(name), "w") as file:
        file["angles"], file["sinogram"] = angles, 2 * np.sqrt(np.maximum(144 - distance**2, 0))[None]
        for key, value in half.attrs.items():
            file.attrs[key] = value
        file.attrs["scan"], file.attrs["detector"] = said, detector
    return u.out(name)


def row2(u):
    said = [disc(u, f"ct/fan_short_{name}.h5") for name in ("half", "neg")]
    kinds = [(250, 0), (-250, 30), (300, 77), (360, 0), (-360, 0)]
    for k, (degrees, start) in enumerate(kinds):
        for detector in ("arc", "line"):
            disc(u, fan_scan(u, f"{k}{detector}.h5", degrees, start, detector=detector))
    short = u.refused("reconstruct", "ct", "fbp", fan_scan(u, "short.h5", 150), "-o", u.out("short.npy"), by="150")
    full = fan_scan(u, "full.h5", 230, said="full")
    disc(u, full)
    expect("angles over 230°" in u.run("reconstruct", "ct", "fbp", full, "-o", u.out("full.npy")), "a full scan of 230° without a word")
    return f"{said[0]}; the other way {said[1]}; {len(kinds)} ranges more; {short}"


def row3(u):
    return disc(u, "ct/fan_arc_halfdet.h5")


def row4(u):
    right = np.load(u.case("mri/ism_plain_expected.npy"))
    image, _ = u.image("cs-mri", "zero-filling", "mri/ism_131_fov.h5")
    expect(image.shape == right.shape and error(image, right) < 1e-5, f"{image.shape}")
    return f"{image.shape[1]} columns, error {error(image, right):.0e}"


def row5(u):
    found, _ = u.arrays("mat/miuint32_for_miint32.mat")
    expect(list(found) == ["an_array"] and np.array_equal(found["an_array"], np.arange(10)[None]), f"{found}")
    return "an_array 1 × 10"


def row6(u):
    found, right = u.arrays("mat/v73_nullpad.mat")[0], u.arrays("mat/v73_nullterm.mat")[0]
    expect(list(found) == ["phi"] and found["phi"].shape == (4, 3) and np.array_equal(found["phi"], right["phi"]), f"{found}")
    return "phi 4 × 3"


def row7(u):
    def largest(*options):
        _, measured, _, text = u.slices("dcm2/spacing05.dcm", "--views", "1", *options)
        return measured[0].max(), text
    own, _ = largest()
    expect(abs(own - 1.92) < 1e-3, f"{own:.3f}")
    other, text = largest("--pixel-size", "1")
    expect(abs(other - 3.84) < 1e-3 and "--pixel-size" in text, f"--pixel-size 1: {other:.3f}, {u.short(text)}")
    with open(u.case("dcm2/spacing05.dcm"), "rb") as file:
        data = file.read()
    place = data.find(b"0.5\\0.5")
    with open(u.out("a.dcm"), "wb") as file:
        file.write(data[:place] + b"0.5\\0.7" + data[place + 7:])
    u.refused("simulate", "ct", u.out("a.dcm"), "-o", u.out("m.h5"), by="square")
    return f"largest {own:.2f}; not square refused; --pixel-size 1: {other:.2f}, said"


def row8(u):
    image = np.load(u.case("mask/img128.npy"))
    np.save(u.out("large.npy"), image * 3e4)
    said = []
    for method in ("zero-filling", "tv"):
        scores = [
            u.score("cs-mri", method, "--images", name, "--mask", "mask/r2_acs_transform.npy")[0]
            for name in ("mask/img128.npy", "mask/img128_1e-5.npy", u.out("large.npy"))
        ]
        for other in scores[1:]:
            expect(
                abs(other["psnr"] - scores[0]["psnr"]) < 0.1 and abs(other["nmse"] / scores[0]["nmse"] - 1) < 0.02,
                f"{method}: " + ", ".join(f"{s['psnr']:.2f} dB" for s in scores))
        said.append(f"{method} " + ", ".join(f"{s['psnr']:.2f}" for s in scores) + " dB")
    return "; ".join(said)


def row9(u):
    said = u.refused("evaluate", "image-cs", "tval3", "--images", "tif/f32_255.tif", "--ratio", "0.25", by="255")
    np.save(u.out("x.npy"), np.array([[-0.5, 0.5], [1, 2]]))
    u.refused("convert", u.out("x.npy"), u.out("x.png"), by=r"outside \[0, 1\]")
    return said


def row10(u):
    words = ("evaluate", "cs-mri", "tv", "--images", "mask/img128.npy", "--mask")
    said = u.refused(*words, "mask/r2_acs_centred.npy", by="centred")
    mask = np.load(u.case("mask/r2_acs_centred.npy"))
    for lines in (24, 12, 8):  # fewer calibration lines
        few = np.zeros_like(mask)
        few[:, ::2] = 1
        few[:, 64 - lines // 2: 64 + lines // 2] = 1
        np.save(u.out("few.npy"), few)
        u.refused(*words, u.out("few.npy"), by="centred")
    score = u.score(*words[1:], "mask/r2_acs_centred.npy", "--mask-order", "centred")[0]
    expect(score["psnr"] > 70, f"centred: {score['psnr']:.1f} dB")
    return f"{said}; --mask-order centred {score['psnr']:.1f} dB; 24, 12 and 8 lines refused"


def row11(u):
    said = u.run("convert", "mat/kspace_x_y_z_c.mat", u.out("x.cfl"))
    expect("4 1 6 8" in said, said)
    u.run("convert", "mat/kspace_x_y_z_c.mat", u.out("k.cfl"), "--keep-order")
    with open(u.out("k.hdr")) as file:
        sizes = [int(word) for word in file.read().splitlines()[1].split()]
    right = u.arrays("mat/kspace_x_y_z_c.mat")[0]
    stored = np.fromfile(u.out("k.cfl"), np.complex64).reshape(sizes[:4], order="F")
    expect(sizes[:4] == [8, 6, 1, 4] and np.allclose(stored, list(right.values())[0].reshape(sizes[:4]), rtol=1e-6), f"{sizes}")
    return "BART's dimensions 4 1 6 8, said; --keep-order 8 6 1 4"


def row12(u):
    names = u.slices("dcm/series", "--views", "3")[2]
    expect(names == [f"IM{k}.dcm" for k in range(1, 13)], f"{names}")
    return " ".join(names)


def row13(u):
    images, _, _, _ = u.slices("tif/stack3.tif", "--views", "3")
    expect(len(images) == 3 and not np.array_equal(images[0], images[1]), f"{len(images)} slices")
    text = u.score("image-cs", "tval3", "--images", "tif/stack3.tif", "--ratio", "0.25")[2]
    expect("3 pages, the first is read" in text, u.short(text))
    return "three slices of a volume; “3 pages, the first is read”"


def row14(u):
    said = u.refused("reconstruct", "ct", "fbp", "ct/par_degrees.h5", "-o", u.out("x.npy"), by="radians")
    with h5py.File(u.case("ct/par_degrees.h5")) as file:
        np.save(u.out("sino.npy"), file["sinogram"][()])
        np.save(u.out("angles.npy"), file["angles"][()])
    words = (u.out("sino.npy"), "--angles", u.out("angles.npy"), "--pixel-size", "1", "--bin-width", "1", "--size", "64")
    u.refused("reconstruct", "ct", "fbp", *words, "-o", u.out("x.npy"), by="radians")
    return f"{said}; --angle-unit degrees: {disc(u, *words, '--angle-unit', 'degrees')}"


def size_of_png(path):
    with open(path, "rb") as file:
        data = file.read(24)
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def row15(u):
    text = u.run("convert", "img_exif6.jpg", u.out("x.png"))
    expect(size_of_png(u.out("x.png")) == (50, 41) and "orientation 6" in text, f"{size_of_png(u.out('x.png'))}")
    return u.short(text)


def phi(u, name, passed_over):
    found, text = u.arrays(name)
    expect(list(found) == ["phi"] and np.array_equal(found["phi"].ravel(), np.arange(12)) and passed_over in text, u.short(text))
    return "phi 4 × 3; " + u.short(text)


def row16(u):
    return phi(u, "mat/numeric_and_string_v7.mat", "(string)")


def row17(u):
    return phi(u, "mat/numeric_and_function_handles_v73.mat", "(function_handle)")


def row18(u):
    found, text = u.arrays("mat/sparse_and_m.mat")
    shapes = {name: value.shape for name, value in found.items()}
    expect(shapes == {"A": (6, 5), "m": (4, 3), "normA": (1, 1)} and found["normA"] == 3.5 and "sparse" in text, f"{shapes}")
    expect("6 × 5" in u.run("inspect", "mat/sparse_and_m.mat"), "inspect")
    return "A 6 × 5, m 4 × 3, normA 3.5"


def row19(u):
    with h5py.File(u.case("ct_asdocumented.h5")) as file:
        np.save(u.out("sino.npy"), file["sinogram"][0])
        np.save(u.out("angles.npy"), file["angles"][()])
    words = ("--angles", u.out("angles.npy"), "--pixel-size", "1", "--bin-width", "1", "--size", "64")
    return f"{disc(u, 'ct_asdocumented.h5')}; a plain array {disc(u, u.out('sino.npy'), *words)}"


def row20(u):
    found, text = u.arrays("torch/multistep.pt")
    expect(len(found) == 8 and "scheduler.milestones" in text, f"{list(found)}")
    tensor = list(u.arrays("torch/kspace_complex.pt")[0].values())
    expect(len(tensor) == 1 and np.iscomplexobj(tensor[0]), "not complex")
    return f"8 tensors; {u.short(text)[:60]} …; a complex tensor {tensor[0].shape}"


def row21(u):
    scores = [
        u.score("image-cs", "ista-net-plus", "--weights", f"torch/istanet_{name}.pt", "--phi", "np/phi272.npy", "--initial", "np/qinit.npy",
                "--images", "img/mac/a.png")[0]["psnr"]
        for name in ("flat", "nested")
    ]
    expect(scores[0] == scores[1], f"{scores}")
    return f"{scores[0]:.2f} dB, {scores[1]:.2f} dB"


def row22(u):
    text = u.run("convert", "img_extraneous.jpg", u.out("x.png"))
    expect("extraneous" in text, u.short(text))
    return u.short(text)


def row23(u):
    answer = u.score("image-cs", "tval3", "--images", "img/mac", "--ratio", "0.25")[1]
    names = [image["name"] for image in answer["images"]]
    expect(names == ["a.png", "b.png"], f"{names}")
    return " ".join(names)


def row24(u):
    found, text = u.arrays("np/meta.npz")
    expect(list(found) == ["image"] and found["image"].shape == (8, 9) and "name (text)" in text, u.short(text))
    return "image 8 × 9; " + u.short(text)


def row25(u):
    right = u.image("cs-mri", "tv", "mri/bart_coils.cfl", "--maps", "mri/bart_maps1.cfl")[0]
    errors = [error(u.image("cs-mri", "tv", f"mri/ism_coils_{name}.h5")[0], right) for name in ("acsimg", "sepacs")]
    expect(max(errors) < 0.004, f"{errors}")
    return f"TV differs from that of all coils and their own maps by {errors[0]:.4f}, with calibration apart by {errors[1]:.4f}"


def row26(u):
    for name in ("dcm/nopreamble.dcm", "dcm/tail2.dcm"):
        found, text = u.arrays(name)
        expect(len(found) == 1, f"{name}: {list(found)}")
    expect("2 bytes behind the pixels" in text, u.short(text))
    images = u.slices("dcm/noext", "--views", "3")[0]
    expect(len(images) == 3, f"{len(images)} slices of dcm/noext")
    return "read; “2 bytes behind the pixels”; three slices without extension"


def row27(u):
    raw = np.fromfile(u.case("nii/pair.img"), np.uint8)
    pair = [list(u.arrays(f"nii/pair.{name}")[0].values())[0] for name in ("hdr", "img")]
    expect(np.array_equal(pair[0], pair[1]) and raw.size % pair[0].size == 0, f"{pair[0].shape}")
    _, text = u.arrays("nii/vox0.nii")
    said = u.refused("simulate", "ct", "nii/nan_background.nii", "-o", u.out("m.h5"), "--views", "3", by="34760 NaN of 64000.*fill")
    return f"pair {pair[0].shape}; {said}"


def row28(u):
    images = u.slices("tif/i16.tif", "--views", "3", "--quantity", "hounsfield")[0]
    expect(len(images) == 1 and 0.2 < images[0].mean() / (0.192 / 0.8) < 2, f"{images[0].mean():.3f}")
    found = u.arrays("mat/v4.mat")[0]
    expect(list(found) == ["phi"], f"{list(found)}")
    header = u.refused("reconstruct", "cs-mri", "zero-filling", "mri/no_header.h5", "-o", u.out("x.npy"), by="header.*cfl")
    maps, text = u.image("cs-mri", "tv", "mri/bart_coils.cfl", "--maps", "mri/bart_maps2.cfl")
    expect("ecalib -m1" in text or error(maps, u.image("cs-mri", "tv", "mri/bart_coils.cfl", "--maps", "mri/bart_maps1.cfl")[0]) < 1e-9, text)
    rows = u.score("cs-mri", "zero-filling", "--images", "mask/img128.npy", "--mask", "mask/one_row.npy", "--mask-order", "centred")[0]
    expect(abs(rows["psnr"] - 28.96) < 0.01, f"{rows['psnr']}")
    return f"HU and MATLAB 4 read; {header}; two sets of maps and a mask of one row read"


def row29(u):
    answer = u.score("image-cs", "tval3", "--images", "img/black", "--ratio", "0.25")[1]
    black, mean = answer["images"][1], answer["mean"]
    expect(np.isfinite(mean["psnr"]) and mean["nmse"] is not None, f"{mean}")
    expect(black["psnr"] == "Infinity" and black["nmse"] is None and len(answer["remarks"]) == 2, f"{black}, {answer.get('remarks')}")
    return f"mean {mean['psnr']:.2f} dB, {answer['remarks'][0]}"


def checkpoint(u, *words):
    """A training that is ended once its first checkpoint is there."""
    path = u.out("w.safetensors.checkpoint")
    if os.path.exists(path):
        os.unlink(path)
    words = [*words, "--checkpoint-every", "1", "--steps", "100000", "-o", u.out("w.safetensors"), "--quiet"]
    process = subprocess.Popen([u.program, "train", *words], cwd=u.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(6000):
        if os.path.exists(path) or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=300)
    expect(os.path.exists(path), "no checkpoint")


def resumed(u, changes):
    base = {"--images": u.case("img/mac"), "--ratio": "0.1", "--depth": "1", "--batch": "2"}
    def words(settings):
        return ["image-cs", "ista-net-plus"] + [word for pair in settings.items() for word in pair]
    checkpoint(u, *words(base))
    said = ""
    for change in changes:
        said = u.refused(
            "train", *words({**base, **change}), "--steps", "100000", "-o", u.out("w.safetensors"), "--quiet", "--resume", by="another run")
    return said


def row30(u):
    return resumed(u, [{"--batch": "3"}, {"--depth": "2"}, {"--constraint": "running"}, {"--ratio": "0.25"}])


def row31(u):
    other = u.out("other")
    os.makedirs(other, exist_ok=True)
    for name, source in (("a.png", "b.png"), ("b.png", "a.png")):  # the same names, other pixels
        shutil.copy(u.case(f"img/mac/{source}"), os.path.join(other, name))
    return resumed(u, [{"--images": u.case("img/black")}, {"--images": other}])


def row32(u):
    said = ""
    for option, value in (("--pixel-size", "1e-300"), ("--bin-width", "1e-300"), ("--pixel-size", "1e20")):
        said = u.refused("simulate", "ct", "mask/img128.npy", "-o", u.out("m.h5"), option, value, by="expected")
    return said


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with open(os.path.join(sys.argv[2], "README.md")) as file:
        rows = [int(number) for number in re.findall(r"^\| (\d+) \|", file.read(), re.MULTILINE)]
    chosen, faults = [int(word) for word in sys.argv[3:]] or rows, 0
    for number in chosen:
        with tempfile.TemporaryDirectory() as folder:
            u = Unfold(sys.argv[1], sys.argv[2], folder)
            try:
                word, line = "ok", globals()[f"row{number}"](u)
            except Exception as fault:
                word, line, faults = "FAULT", f"{'' if isinstance(fault, Fault) else type(fault).__name__ + ': '}{fault}", faults + 1
            print(f"{number:2} {word} {u.short(line)}", flush=True)
    print(f"{len(chosen) - faults} of {len(chosen)} rows ok")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
