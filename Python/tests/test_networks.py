# SPDX-License-Identifier: Apache-2.0
"""Networks of any operator: as the built-in one's, trained, saved, copied."""


import numpy as np
import pytest
import unfoldnet as un
from scipy import ndimage

from conftest import smooth

h = np.outer([1, 2, 1], [1, 2, 1]) / 16
images = [smooth(24, 24, seed) for seed in range(12)]


def blurs():
    """One operator four times."""
    L = 1.0
    own = un.blur((16, 16), kernel=h, boundary="zero", lipschitz=L)
    blur = lambda x: ndimage.convolve(x, h, mode="constant")
    n = 256
    M = np.array([blur(e.reshape(16, 16)).reshape(-1) for e in np.eye(n)]).T
    yield own
    yield un.Operator(blur, blur, shape_in=(16, 16), shape_out=(16, 16), lipschitz=L)
    from scipy import sparse

    A = un.Operator(sparse.csr_array(M), shape_in=(16, 16), lipschitz=L)
    yield un.Operator(lambda x: A(x).reshape(16, 16), lambda y: A.H(np.ascontiguousarray(y.reshape(-1))),
                      shape_in=(16, 16), shape_out=(16, 16), lipschitz=L)
    try:
        import pylops

        yield un.Operator(
            pylops.signalprocessing.Convolve2D(dims=(16, 16), h=h, offset=(1, 1), dtype="float64"), lipschitz=L)
    except ImportError:
        pass


@pytest.mark.parametrize("name", ["ista-net-plus", "fista-net", "admm-net", "modl", "scnet"])
def test_untrained_and_trained_on_any_operator(name):
    """In double precision to 1e-10 untrained, to 1e-6 after ten steps."""
    y = next(blurs())(smooth(16, 16, 3))
    before, after = [], []
    for A in blurs():
        own = {} if name == "admm-net" else {"channels": 4}
        net = un.unfold(name, A, stages=2, precision="double", **own)
        before.append(net(y))
        net.fit(images, noise=0.01, steps=10)
        after.append(net(y))
        assert len(net.history_) == 10
    for found, tolerance in ((before, 1e-10), (after, 1e-6)):
        for x in found[1:]:
            assert np.linalg.norm(x - found[0]) <= tolerance * np.linalg.norm(found[0])
    if name != "modl":  # its prior begins at almost nothing
        assert np.linalg.norm(after[0] - before[0]) > 1e-6 * np.linalg.norm(before[0])


def test_training_learns_and_comes_back(tmp_path):
    A = un.mask((np.random.default_rng(2).uniform(size=(16, 16)) < 0.5).astype(float), noise=0.02)
    net = un.unfold("ista-net-plus", A, stages=3, channels=8, seed=4)
    y = A.measure(np.stack(images)[:, :16, :16].copy())
    before = net(y)
    told = []
    assert net.fit(images, steps=60, progress=lambda *step: told.append(step)) is net
    after, truth = net(y), np.stack(images)[:, :16, :16]
    assert un.rmse(after, np.ascontiguousarray(truth)) < 0.8 * un.rmse(before, np.ascontiguousarray(truth))
    assert [t[0] for t in told] == list(range(1, 61)) and told[0][1] == 60

    net.save(tmp_path / "w.safetensors")
    again = un.load(tmp_path / "w.safetensors", A)
    assert again.name == "ista-net-plus" and np.array_equal(again(y), after)
    # Equal seeds, equal weights; another seed, others.
    same = un.unfold("ista-net-plus", A, stages=3, channels=8, seed=4).fit(images, steps=60)
    other = un.unfold("ista-net-plus", A, stages=3, channels=8, seed=5).fit(images, steps=60)
    assert np.array_equal(same(y), after) and not np.array_equal(other(y), after)
    same.save(tmp_path / "v.safetensors")
    assert (tmp_path / "v.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()
    # Orthogonalised steps.
    muon = un.unfold("ista-net-plus", A, stages=3, channels=8, seed=4).fit(images, steps=60, optimiser="muon")
    assert un.rmse(muon(y), np.ascontiguousarray(truth)) < 0.8 * un.rmse(before, np.ascontiguousarray(truth))
    assert not np.array_equal(muon(y), after)
    with pytest.raises(un.UnfoldError, match="optimiser"):
        muon.fit(images, steps=1, optimiser="sgd")
    with pytest.raises(un.UnfoldError, match="Muon"):
        un.unfold("ista-net-plus", A, stages=3, channels=4).fit(images, steps=1, optimiser="muon")
    # From where it stands.
    assert un.rmse(same.fit(images, steps=5, warm_start=True)(y), np.ascontiguousarray(truth)) < un.rmse(
        before, np.ascontiguousarray(truth))
    assert "validation error" in net._repr_html_() and "<svg" in net._repr_html_()


class Halt(Exception):
    pass


@pytest.mark.parametrize("name", ["ista-net-plus", "lista"])
def test_resuming_gives_the_same_weights(tmp_path, rng, name):
    if name == "lista":
        A, signals = un.Operator(rng.standard_normal((12, 20))), rng.standard_normal((80, 20)) * (rng.uniform(size=(80, 20)) < 0.15)
    else:
        A, signals = un.blur((16, 16), 1.0), images
    new = lambda: un.unfold(name, A, stages=2, **({} if name == "lista" else {"channels": 4}))
    path = tmp_path / "stands.checkpoint"
    whole = new().fit(signals, steps=24)

    def stops(step, *_):
        if step == 9:
            raise Halt

    with pytest.raises(Halt):
        new().fit(signals, steps=24, checkpoint=path, progress=stops)
    found = new().fit(signals, steps=24, checkpoint=path, resume=True)
    assert [step for step, *_ in found.history_] == [step for step, *_ in whole.history_][9:]
    assert all(np.array_equal(found.parameters[k], whole.parameters[k]) for k in whole.parameters)
    # It is over: nothing is done again.
    again = new().fit(signals, steps=24, checkpoint=path, resume=True)
    assert again.history_ == [] and all(np.array_equal(again.parameters[k], whole.parameters[k]) for k in whole.parameters)

    others = [x * 0.5 for x in images] if signals is images else signals * 0.5
    for wrong in (
        lambda: new().fit(others, steps=24, checkpoint=path, resume=True), lambda: new().fit(signals, steps=25, checkpoint=path, resume=True),
        lambda: new().fit(signals, steps=24, resume=True), lambda: new().fit(signals, steps=24, checkpoint="/nowhere/c"),
        lambda: new().fit(signals, steps=24, checkpoint=__file__, resume=True)):
        with pytest.raises(un.InputError):
            wrong()


def test_pairs_and_measurements_alone():
    A = un.mask((np.random.default_rng(2).uniform(size=(16, 16)) < 0.5).astype(float), noise=0.02)
    x = np.stack(images)[:, :16, :16].copy()
    y = A.measure(x)
    for signals in (x, None):
        net = un.unfold("ista-net-plus", A, stages=2, channels=4)
        before = un.rmse(net(y), x)
        assert un.rmse(net.fit(signals, measurements=y, steps=40)(y), x) < before


def test_vectors(rng):
    M = rng.standard_normal((12, 20))
    x = rng.standard_normal((80, 20)) * (rng.uniform(size=(80, 20)) < 0.15)
    for name in ("lista", "lista-cp", "lista-ss", "lista-cpss", "tilista", "alista"):
        net = un.unfold(name, M, stages=3)
        before = un.nmse(net(x @ M.T), x)
        assert un.nmse(net.fit(x, steps=60)(x @ M.T), x) < before


def test_complex_images(rng):
    A = un.fourier({"ratio": 0.4}, shape=(16, 16), complex=True, noise=0.01)
    z = (np.stack(images)[:, :16, :16] * np.exp(1j * 0.3)).copy()
    net = un.unfold("ista-net-plus", A, stages=2, channels=4)
    before = un.nmse(net(A(z)), z)
    net.fit(z, steps=40)
    assert net(A(z)).dtype == complex and un.nmse(net(A(z)), z) < before
    assert net(A(z.astype(np.complex64))).dtype == np.complex64


def test_other_operator_same_weights():
    A, B = un.blur((16, 16), 1.0), un.blur((24, 24), 1.0)
    net = un.unfold("ista-net-plus", A, stages=2, channels=4).fit(images, steps=5)
    other = net.on(B)
    assert all(np.array_equal(net.parameters[k], other.parameters[k]) for k in net.parameters)
    assert other(B(images[0])).shape == (24, 24)


def test_parameters():
    net = un.unfold("ista-net-plus", un.blur((16, 16), 1.0), stages=2, channels=4)
    y = images[0][:16, :16].copy()
    before = net(y)
    net.parameters["stages.0.stepSize"] = np.array(0.25)
    assert net.parameters["stages.0.stepSize"] == 0.25 and not np.array_equal(net(y), before)
    with pytest.raises(un.InputError):
        net.parameters["stages.0.stepSize"] = np.zeros(3)


def test_habits_of_scikit_learn():
    base = pytest.importorskip("sklearn.base")
    net = un.unfold("ista-net-plus", un.blur((16, 16), 1.0), stages=2, channels=4)
    assert net.get_params()["stages"] == 2
    assert base.clone(net, safe=False).get_params()["name"] == "ista-net-plus"
    y = images[0][:16, :16].copy()
    assert net.set_params(stages=1)(y).shape == (16, 16) and net.facts["stages"] == 1


def test_state():
    """The state has the weights in it."""
    A = un.blur((16, 16), 1.0)
    net = un.unfold("ista-net-plus", A, stages=2, channels=4).fit(images, steps=3)
    state = net.__getstate__()
    other = un.Network.__new__(un.Network)
    other.__setstate__(dict(state))
    y = images[0][:16, :16].copy()
    assert np.array_equal(other(y), net(y)) and other.history_ == net.history_
