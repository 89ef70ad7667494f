# SPDX-License-Identifier: Apache-2.0
"""The same bytes as the command line's, whose program UNFOLD_PROGRAM names; without Fourier transforms, which may be FFTW's there."""

import json
import os
import subprocess

import numpy as np
import pytest
import unfoldnet as un

from conftest import smooth

program = os.environ.get("UNFOLD_PROGRAM")
pytestmark = pytest.mark.skipif(not program, reason="UNFOLD_PROGRAM names no program")


def unfold(folder, *arguments):
    found = subprocess.run([program, *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout


DESCRIPTION = "shape: [32, 32]\nnoise: 0.01\noperator:\n  - blur: {sigma: 1.2, boundary: zero}\n  - mask: {keep: 0.7}\n"
STEPS = ({"blur": {"sigma": 1.2, "boundary": "zero"}}, {"mask": {"keep": 0.7}})


@pytest.fixture
def folder(tmp_path, rng):
    np.save(tmp_path / "A.npy", rng.standard_normal((60, 144)))
    np.save(tmp_path / "y.npy", rng.standard_normal(60))
    (tmp_path / "o.yaml").write_text(DESCRIPTION)
    (tmp_path / "images").mkdir()
    for k in range(6):
        np.save(tmp_path / "images" / f"{k}.npy", smooth(40, 36, k))
    return tmp_path


@pytest.mark.parametrize("method,prior", [
    ("fista", ["l1:0.5"]), ("admm", ["tv:0.3", "nonnegative"]), ("ista", ["tv:0.3"]), ("least-squares", ["ridge:2"]),
    ("admm", ["tv:auto"])])
def test_solutions(folder, method, prior):
    own = [word for p in prior for word in ("--prior", p)]
    unfold(folder, "reconstruct", "linear", method, "y.npy", "--operator", "A.npy", "--shape", 12, 12, *own, "-o", "x.npy")
    x = un.solve(method, un.Operator(np.load(folder / "A.npy"), shape_in=(12, 12)), np.load(folder / "y.npy"), prior)
    theirs = np.load(folder / "x.npy")
    assert theirs.dtype == x.dtype and theirs.tobytes() == x.tobytes()


def header_and_arrays(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def metadata(path):
    return header_and_arrays(path)[0]["__metadata__"]


def same_weights(one, other):
    """Byte for byte, the recipe too; where the images came from is not Python's to know."""

    def read(path):
        header, arrays = header_and_arrays(path)
        for name in ("data", "hours", "commit"):
            header["__metadata__"].pop(name, None)
        return header, arrays

    return read(one) == read(other)


def test_what_made_weights(folder):
    A = un.operator(*STEPS, shape=(32, 32), noise=0.01, name="o.yaml")
    images = [smooth(40, 36, k) for k in range(6)]
    un.unfold("ista-net-plus", A, stages=1, channels=2, seed=3).fit(images, steps=2).save(folder / "first.safetensors")
    first = metadata(folder / "first.safetensors")
    assert first["data"].startswith("signals 6 of [40, 36], CRC-32C ") and first["hours"] == "under 0.1" and "before" not in first

    # Read and written again they say the same; trained on, they tell the training before.
    net = un.load(folder / "first.safetensors", A)
    net.save(folder / "again.safetensors")
    assert metadata(folder / "again.safetensors") == first
    net.fit(images, steps=3, warm_start=True).save(folder / "second.safetensors")
    (before,) = json.loads(metadata(folder / "second.safetensors")["before"])
    assert before["recipe"] == json.loads(first["recipe"]) and before["data"] == first["data"]


@pytest.mark.parametrize("name", ["ista-net-plus", "fista-net", "modl"])
def test_weights(folder, name):
    unfold(
        folder, "train", "linear", name, "--operator", "o.yaml", "--images", "images", "-o", "w.safetensors", "--steps", 6, "--depth", 2,
        "--channels", 4, "--seed", 3)
    A = un.operator(*STEPS, shape=(32, 32), noise=0.01, name="o.yaml")
    images = [smooth(40, 36, k) for k in range(6)]
    net = un.unfold(name, A, stages=2, channels=4, seed=3).fit(images, steps=6)
    net.save(folder / "v.safetensors")
    assert same_weights(folder / "v.safetensors", folder / "w.safetensors")

    y = A.measure(images[0][:32, :32].copy())
    np.save(folder / "m.npy", y)
    unfold(
        folder, "reconstruct", "linear", name, "m.npy", "--operator", "o.yaml", "--weights", "w.safetensors", "-o", "x.npy")
    assert np.load(folder / "x.npy").tobytes() == un.load(folder / "w.safetensors", A)(y).tobytes()


def denoiser_weights(path, A):
    """Of an untrained FFDNet, which is a part of unfolded plug and play."""
    un.unfold("plug-and-play-net", A, stages=1).save(path)
    header, arrays = header_and_arrays(path)
    own = {name.removeprefix("denoiser."): v for name, v in header.items() if name.startswith("denoiser.")}
    first = min(v["data_offsets"][0] for v in own.values())
    last = max(v["data_offsets"][1] for v in own.values())
    for v in own.values():
        v["data_offsets"] = [offset - first for offset in v["data_offsets"]]
    text = json.dumps(own).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + arrays[first:last])
    return path


def test_unfolded_plug_and_play(folder):
    A = un.operator(*STEPS, shape=(32, 32), noise=0.01, name="o.yaml")
    weights = denoiser_weights(folder / "ffdnet.safetensors", A)
    unfold(
        folder, "train", "linear", "plug-and-play-net", "--operator", "o.yaml", "--images", "images", "-o", "w.safetensors", "--steps", 3,
        "--depth", 2, "--denoiser-weights", weights)
    images = [smooth(40, 36, k) for k in range(6)]
    net = un.unfold("plug-and-play-net", A, stages=2, denoiser_weights=weights).fit(images, steps=3)
    net.save(folder / "v.safetensors")
    assert same_weights(folder / "v.safetensors", folder / "w.safetensors")
    with pytest.raises(un.InputError, match="denoiser_weights"):
        un.unfold("plug-and-play-net", A, stages=2).fit(images, steps=3)
    with pytest.raises(un.InputError, match="denoiser_weights"):
        un.unfold("modl", A, denoiser_weights=weights)


def test_vectors(folder, rng):
    x = rng.standard_normal((70, 144)) * (rng.uniform(size=(70, 144)) < 0.1)
    np.save(folder / "x.npy", x)
    unfold(
        folder, "train", "linear", "lista-cpss", "--operator", "A.npy", "--images", "x.npy", "-o", "w.safetensors", "--steps", 20, "--depth",
        2)
    A = un.Operator(np.load(folder / "A.npy"), name="A.npy")
    un.unfold("lista-cpss", A, stages=2).fit(x, steps=20).save(folder / "v.safetensors")
    assert same_weights(folder / "v.safetensors", folder / "w.safetensors")


def test_facts_of_an_operator(folder):
    theirs = json.loads(unfold(folder, "check", "operator", "o.yaml", "--json", "-"))
    A = un.operator(*STEPS, shape=(32, 32))
    assert abs(A.norm - theirs["norm"]) < 1e-12 * theirs["norm"]
    assert tuple(theirs["domain"]) == A.shape_in and tuple(theirs["codomain"]) == A.shape_out


def test_one_version(tmp_path):
    import re
    from pathlib import Path

    project = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text()
    assert un.__version__ == unfold(tmp_path, "--version").strip() == re.search(r'^version = "(.*)"', project, re.M)[1]
