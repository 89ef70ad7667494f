# SPDX-License-Identifier: Apache-2.0
"""Solutions against closed forms, SciPy, and one operator's against another's of the same matrix."""

import json
import re

import numpy as np
import pytest
import unfoldnet as un
from scipy import optimize, sparse

from conftest import smooth


def test_least_squares_and_ridge(rng):
    M, y = rng.standard_normal((20, 12)), rng.standard_normal((3, 20))
    x = un.solve("least-squares", M, y, "ridge:0.3", tolerance=1e-14)
    assert np.allclose(x, np.linalg.solve(M.T @ M + 0.3 * np.eye(12), M.T @ y.T).T, rtol=0, atol=1e-10)
    C, z = M + 1j * rng.standard_normal((20, 12)), y[0] + 1j * y[1]
    assert np.allclose(un.solve("least-squares", C, z, tolerance=1e-14), np.linalg.lstsq(C, z, rcond=None)[0], atol=1e-9)


def test_nonnegative_least_squares(rng):
    M, y = rng.standard_normal((20, 12)), rng.standard_normal(20)
    for method in ("fista", "admm"):
        x = un.solve(method, M, y, ["nonnegative"], tolerance=1e-13, iterations=20_000)
        assert np.allclose(x, optimize.nnls(M, y)[0], atol=1e-6)


def test_lasso_meets_its_optimality_condition(rng):
    M, y = rng.standard_normal((30, 60)), rng.standard_normal(30)
    x = un.solve("fista", M, y, "l1:0.5", tolerance=1e-12)
    g = M.T @ (y - M @ x)
    assert np.abs(g).max() <= 0.5 + 1e-5 and np.allclose(g[x != 0], 0.5 * np.sign(x[x != 0]), atol=1e-5)
    assert x.info["converged"] and abs(x.info["objective"][0] - (0.5 * np.sum((M @ x - y) ** 2) + 0.5 * np.abs(x).sum())) < 1e-9


@pytest.mark.parametrize("method", ["fista", "ista", "admm"])
def test_one_solution_of_every_kind_of_operator(rng, method):
    """With one step size: the matrix, sparse, by functions, by PyLops, to 1e-10."""
    M = rng.standard_normal((40, 64)) * (rng.uniform(size=(40, 64)) < 0.3)
    L = 1.001 * np.linalg.norm(M, 2) ** 2
    y = M @ smooth(8, 8).reshape(-1)
    own = dict(shape_in=(8, 8), lipschitz=L)
    same = [
        un.Operator(M, **own), un.Operator(sparse.csc_array(M), **own),
        un.Operator(lambda x: M @ x.reshape(-1), lambda y: (M.T @ y).reshape(8, 8), shape_out=40, **own)]
    try:
        import pylops

        same.append(un.Operator(pylops.MatrixMult(M), **own))
    except ImportError:
        pass
    found = [un.solve(method, A, y, ["tv:0.01", "nonnegative"] if method == "admm" else "tv:0.01", iterations=60) for A in same]
    for x in found[1:]:
        assert np.linalg.norm(x - found[0]) <= 1e-10 * np.linalg.norm(found[0])


def test_weights_and_traces():
    A = un.blur((32, 32), 1.0)
    clean = smooth(32, 32)
    y = A(clean) + 0.01 * np.random.default_rng(1).standard_normal((32, 32))
    x = un.solve("admm", A, y, "tv:auto", noise=0.01, trace=True)
    assert 1e-6 < x.info["weight"][0] < 1 and un.psnr(np.asarray(x), clean) > un.psnr(y, clean)
    assert len(x.info["trace"][0]) == x.info["iterations"][0]
    assert "data:image/png" in x._repr_html_() and "<svg" in x._repr_html_()


def test_plug_and_play():
    A = un.mask((np.random.default_rng(2).uniform(size=(32, 32)) < 0.6).astype(float), noise=0.02)
    clean = smooth(32, 32)
    y = A.measure(clean)
    x = un.solve("plug-and-play", A, y, "denoiser:tv", iterations=20)
    assert un.psnr(np.asarray(x), clean) > un.psnr(y, clean) + 5


def weights_file(path, prefix, layers, inputs, outputs, channels=64):
    """A network of 3 × 3 layers without biases that takes a 3 × 3 mean of its first input, a non-negative image, from it:
    F(y) = y − mean(y) as max(F, 0) − max(−F, 0), which rectifiers leave as they are."""
    names, data = {}, b""
    for k in range(layers):
        w = np.zeros((outputs if k == layers - 1 else channels, inputs if k == 0 else channels, 3, 3), np.float32)
        if k == 0:
            w[0, 0] = -1 / 9
            w[0, 0, 1, 1] += 1
            w[1, 0] = -w[0, 0]
        elif k == layers - 1:
            w[0, :2, 1, 1] = 1, -1
        else:
            w[0, 0, 1, 1] = w[1, 1, 1, 1] = 1
        for name, value in (("weight", w), ("bias", np.zeros(len(w), np.float32))):
            names[f"{prefix}{k}.{name}"] = {
                "dtype": "F32", "shape": value.shape, "data_offsets": [len(data), len(data) + value.nbytes]}
            data += value.tobytes()
    header = json.dumps(names).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def test_denoising_networks(tmp_path):
    A = un.mask((np.random.default_rng(2).uniform(size=(32, 32)) < 0.6).astype(float), noise=0.02)
    clean = smooth(32, 32)
    y = A.measure(clean)
    cnn = weights_file(tmp_path / "cnn.safetensors", "layers.", 7, 2, 1)
    ffdnet = weights_file(tmp_path / "ffdnet.safetensors", "", 15, 5, 4)
    x = un.solve("plug-and-play", A, y, "denoiser:dilated-cnn", denoiser_weights=cnn)
    assert un.psnr(np.asarray(x), clean) > un.psnr(y, clean) + 5 and x.info["prior"] == ["denoiser:dilated-cnn"]
    assert un.solve("plug-and-play", A, y, "denoiser:ffdnet", denoiser_weights=ffdnet, iterations=2).shape == clean.shape
    for name, weights, found in (
            ("dilated-cnn", ffdnet, "ffdnet.safetensors: found weights of ffdnet; expected those of dilated-cnn"),
            ("ffdnet", cnn, "cnn.safetensors: found weights of dilated-cnn; expected those of ffdnet"),
            ("dilated-cnn", None, "found no denoiser_weights for denoiser:dilated-cnn"),
            ("dilated-cnn", __file__, "test_solve.py")):
        with pytest.raises(un.InputError, match=re.escape(found)) as error:
            un.solve("plug-and-play", A, y, f"denoiser:{name}", denoiser_weights=weights)
        assert "\n" not in str(error.value)
    with pytest.raises(un.InputError, match="cnn.safetensors") as error:
        un.unfold("plug-and-play-net", A, denoiser_weights=cnn).parameters
    assert "\n" not in str(error.value)


def test_metrics(rng):
    x, y = smooth(20, 20), np.clip(smooth(20, 20) + 0.05 * rng.standard_normal((20, 20)), 0, 1)
    mse = np.mean((x - y) ** 2)
    assert abs(un.psnr(y, x) - 10 * np.log10(1 / mse)) < 1e-10 and abs(un.rmse(y, x) - mse**0.5) < 1e-12
    assert abs(un.nmse(y, x) - np.linalg.norm(x - y) / np.linalg.norm(x)) < 1e-12
    metrics = pytest.importorskip("skimage.metrics")
    assert abs(un.ssim(y, x) - metrics.structural_similarity(y, x, data_range=1.0)) < 1e-9
