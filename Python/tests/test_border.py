# SPDX-License-Identifier: Apache-2.0
"""What must be an exception, and never the end of the process."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import unfoldnet as un
from unfoldnet import _library as lib

from conftest import smooth

A = un.blur((16, 16), 1.0)
good = smooth(16, 16)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((15, 16)), np.zeros((0, 16, 16)), np.zeros(()), np.zeros((16, 16), int), np.zeros((16, 16), np.float16),
        np.zeros((16, 16), complex), np.zeros((32, 16))[::2], np.asfortranarray(smooth(16, 16)), np.full((16, 16), np.nan),
        np.full((16, 16), np.inf), good.astype(">f8"), None, "image", [[1.0]], np.zeros((16, 16), object),
        np.frombuffer(bytes(16 * 16 * 8 + 1), np.uint8)[1:].view(np.float64).reshape(16, 16),
    ], ids=str)
def test_wrong_arrays(x):
    for use in (A, A.H, lambda x: un.solve("fista", A, x, "l1:0.1"), un.unfold("ista-net-plus", A, stages=1, channels=2)):
        with pytest.raises(un.InputError, match="expected"):
            use(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: un.solve("fi\nst", A, good, "l1:0.1"), lambda: un.solve("fist", A, good, "l1:0.1"), lambda: un.solve("fista", A, good), lambda: un.solve("fista", A, good, "l2:1"),
        lambda: un.solve("fista", A, good, "l1:-1"), lambda: un.solve("fista", A, good, "l1:0.1", iterations=0),
        lambda: un.solve("fista", A, good, "l1:0.1", tolerance=-1), lambda: un.solve("fista", A, good, "l1:nan"),
        lambda: un.solve("admm", A, good, "tv:auto", choose_by="luck"), lambda: un.solve("plug-and-play", A, good, "denoiser:x"),
        lambda: un.unfold("ista-net", A), lambda: un.unfold("ista-net-plus", A, stages=0),
        lambda: un.unfold("ista-net-plus", A, stages=10**9), lambda: un.unfold("ista-net-plus", A, channels=10**6),
        lambda: un.unfold("lista", A), lambda: un.unfold("ista-net-plus", np.eye(5)), lambda: un.unfold("scnet", A, precision="half"),
        lambda: un.unfold("scnet", A, channels=1),
        lambda: un.unfold("ista-net-plus", A).fit([np.zeros((3, 3))]), lambda: un.unfold("ista-net-plus", A).fit([]),
        lambda: un.unfold("ista-net-plus", A).fit(), lambda: un.unfold("ista-net-plus", A).fit([good], noise=-1),
        lambda: un.unfold("ista-net-plus", A).fit([good], steps=-1),
        lambda: un.unfold("ista-net-plus", A).fit(measurements=np.zeros((1, 16, 16))),
        lambda: un.unfold("ista-net-plus", A, stages=2, channels=2)(good, stages=3), lambda: un.Operator(np.zeros((3, 3))),
        lambda: un.Operator(np.zeros(3)), lambda: un.Operator(np.zeros((3, 0))), lambda: un.Operator(np.full((2, 2), np.nan)),
        lambda: un.Operator(np.full((2, 2), 1e300)), lambda: un.unfold("ista-net-plus", A, stages=1000, channels=1024),
        lambda: un.Operator(np.eye(3), shape_in=(2, 2)), lambda: un.Operator(np.eye(3), lipschitz=-1.0),
        lambda: un.Operator(lambda x: x), lambda: un.Operator(lambda x: x, lambda x: x, shape_in=(2, 2)),
        lambda: un.Operator(lambda x: x, lambda x: x, shape_in=(1 << 30, 1 << 30), shape_out=2),
        lambda: un.Operator(lambda x: x, lambda x: x, shape_in=(-1, 2), shape_out=2), lambda: un.beams((16, 16), views=0),
        lambda: un.beams((10**6, 10**6)), lambda: un.blur((16, 16)), lambda: un.blur((2, 2), kernel=np.ones((5, 5))),
        lambda: un.fourier(np.full((4, 4), 0.5)), lambda: un.operator({"wobble": 1}, shape=(4, 4)), lambda: un.operator(shape=(4, 4)),
        lambda: un.operator({"mask": {"file": "nothing"}}, shape=(4, 4)), lambda: un.hadamard((3, 3), rows=2),
        lambda: un.load("/nowhere", A), lambda: un.load(__file__, A), lambda: un.psnr(good, good[:8].copy()), lambda: un.set_threads(-1),
    ])
def test_wrong_choices(make):
    with pytest.raises((un.InputError, un.UnfoldError)) as error:
        make()
    assert "\n" not in str(error.value) and "--" not in str(error.value) and len(str(error.value)) > 20


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (3, 1), (5, 7)])
@pytest.mark.parametrize("name", ["ista-net-plus", "fista-net", "admm-net", "modl", "scnet"])
def test_tiny_images(shape, name):
    """A result or an exception."""
    I = un.operator("identity", shape=shape)
    try:
        net = un.unfold(name, I, stages=2)
        assert np.isfinite(net(np.ones(shape))).all()
    except un.UnfoldError:
        pass
    for method, prior in (("admm", "tv:0.1"), ("fista", "l1:0.1"), ("admm", "wavelet:haar:0.1"), ("plug-and-play", "denoiser:tv"),
                          ("plug-and-play", "denoiser:bm3d")):
        try:
            assert np.isfinite(un.solve(method, I, np.ones(shape), prior)).all()
        except un.UnfoldError:
            pass


def test_handles():
    for handle in (0, -1, 10**9):
        with pytest.raises(un.ObjectError):
            lib.call("release", handle)
        with pytest.raises(un.ObjectError):
            lib.call("network_facts", handle)
    with pytest.raises(un.ObjectError):  # of another kind
        lib.call("network_facts", A._handle)
    B = un.Operator(np.eye(2))
    lib.call("release", B._handle)
    with pytest.raises(un.ObjectError):
        lib.call("release", B._handle)
    with pytest.raises(un.ObjectError):
        B(np.ones(2))


def test_null_pointers():
    """What only another language could pass."""
    for name, arguments in lib._SIGNATURES.items():
        if name in ("methods", "set_threads"):
            continue
        given = [0 if kind in (lib.c_int32, lib.c_int64, lib.c_uint64, lib.c_double) else kind() for kind in arguments]
        for first in (0, A._handle):
            if given and name != "release":
                given[0] = first if arguments[0] is lib.c_int64 else given[0]
            code = getattr(lib._lib, "unf_" + name)(*given)
            assert code != 0 or name in ("operator_facts", "operator_stop"), name


class Mine(Exception):
    pass


def failing(after):
    calls = [0]

    def forward(x):
        calls[0] += 1
        if calls[0] > after:
            raise Mine("mine")
        return A(x)

    B = un.Operator(forward, lambda y: A.H(y), shape_in=(16, 16), shape_out=(16, 16), lipschitz=1.0)
    return B, calls


@pytest.mark.parametrize("method,prior", [
    ("fista", "tv:0.01"), ("ista", "l1:0.01"), ("admm", "tv:0.01"), ("least-squares", None), ("admm", "tv:auto"),
    ("plug-and-play", "denoiser:bm3d"), ("plug-and-play", "denoiser:tv")])
def test_errors_in_functions_come_back(method, prior):
    for after in (0, 3):
        B, calls = failing(after)
        with pytest.raises(Mine):
            un.solve(method, B, good, prior)
        calls[0] = -10**9  # and the operator is still good
        assert np.allclose(B(good), A(good))


@pytest.mark.parametrize("name", ["ista-net-plus", "fista-net", "admm-net", "modl", "scnet"])
def test_errors_in_functions_end_networks(name):
    B, calls = failing(0)
    net = un.unfold(name, B, stages=2)
    with pytest.raises(Mine):
        net(good)
    calls[0] = -60
    with pytest.raises(Mine):
        net.fit([good], steps=100)
    calls[0] = -10**9
    assert np.isfinite(net(good)).all()


def test_wrong_results_of_functions():
    for forward in (lambda x: x[:3], lambda x: None, lambda x: x * 1j, lambda x: "x"):
        B = un.Operator(forward, lambda y: y, shape_in=(4, 4), shape_out=(4, 4))
        with pytest.raises(Exception) as error:
            B(np.ones((4, 4)))
        assert not isinstance(error.value, un.FailedError)
    N = un.Operator(lambda x: x * np.nan, lambda y: y, shape_in=(4, 4), shape_out=(4, 4), lipschitz=1.0)
    with pytest.raises(un.UnfoldError):
        un.solve("fista", N, np.ones((4, 4)), "l1:0.1")
    with pytest.raises(un.UnfoldError):
        un.unfold("ista-net-plus", N, stages=1, channels=2).fit([np.ones((4, 4))], steps=3)


def test_what_progress_raises_stops_the_training():
    def progress(step, *_):
        if step == 3:
            raise Mine

    with pytest.raises(Mine):
        un.unfold("ista-net-plus", A, stages=1, channels=2).fit([good], steps=1000, progress=progress)


def test_threads(rng):
    """Six threads on one operator: equal numbers."""
    M = rng.standard_normal((30, 40))
    B = un.Operator(lambda x: M @ x, lambda y: M.T @ y, shape_in=40, shape_out=30, lipschitz=np.linalg.norm(M, 2) ** 2)
    y = rng.standard_normal(30)
    found = []

    def work():
        for _ in range(10):
            found.append(un.solve("fista", B, y, "l1:0.1").tobytes())

    threads = [threading.Thread(target=work) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(found) == 60 and len(set(found)) == 1
    with un.threads(1):
        assert un.solve("fista", B, y, "l1:0.1").tobytes() == found[0]


def run(code, **options):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, **options)


SLOW = """
    import numpy as np, os, signal, threading, time, unfoldnet as un
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
    n = 128
    A = un.blur((n, n), 2.0, boundary="zero")
    B = un.Operator(lambda x: A(x), lambda y: A.H(y), shape_in=(n, n), shape_out=(n, n), lipschitz=1.0)
    y = np.random.default_rng(1).uniform(size=(n, n))
"""


@pytest.mark.parametrize("work", [
    "un.solve('admm', A, y, 'tv:0.0001', iterations=10**7, tolerance=0.0)", "un.solve('fista', B, y, 'tv:0.0001', iterations=10**6, tolerance=0.0)",
    "un.unfold('ista-net-plus', A, stages=3).fit([y], steps=10**6)", "un.unfold('ista-net-plus', B, stages=3).fit([y], steps=10**6)"])
def test_interrupts(work):
    begin = time.monotonic()
    found = run(SLOW + f"""
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        {work}
    except KeyboardInterrupt:
        print("stopped", np.isfinite(A(y)).all(), np.isfinite(B(y)).all())
    """)
    assert found.stdout.split() == ["stopped", "True", "True"], found.stderr
    assert time.monotonic() - begin < 30


def test_leaving_inside_a_call():
    found = run(SLOW + """
    for operator in (A, B):
        threading.Thread(target=lambda: un.solve('fista', operator, y, 'l1:1e-6', iterations=10**7, tolerance=0.0), daemon=True).start()
    time.sleep(0.5)
    """)
    assert found.returncode == 0, (found.returncode, found.stderr)


def test_signals_while_threads_compute():
    """A handler of Python's runs on a stack of its own: matrix products may have the stack pointer elsewhere."""
    found = run(SLOW + """
    import ctypes

    class Stack(ctypes.Structure):
        _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

    caught = [0]
    def handler(*_): caught[0] += 1
    signal.signal(signal.SIGUSR1, handler)
    net = un.unfold("scnet", un.blur((64, 64), 1.0), stages=2, channels=32)
    vectors = un.unfold("lista", np.random.default_rng(1).standard_normal((200, 400)), stages=4)
    y, b = y[:64, :64].copy(), np.random.default_rng(2).standard_normal((100, 200))
    x, z = net(y), vectors(b)
    equal, has_stack = [], []
    end = time.monotonic() + 3

    def work():
        while True:  # once, however late the thread begins
            equal.append(np.array_equal(net(y), x) and np.array_equal(vectors(b), z))
            if time.monotonic() >= end:
                break
        now = Stack()
        ctypes.CDLL(None).sigaltstack(None, ctypes.byref(now))
        has_stack.append(not now.flags & 2)

    threads = [threading.Thread(target=work) for _ in range(3)]
    [t.start() for t in threads]
    while any(t.is_alive() for t in threads):
        for t in threads:
            if t.is_alive():
                signal.pthread_kill(t.ident, signal.SIGUSR1)
        time.sleep(1e-4)
    print(len(equal) > 3, all(equal), all(has_stack) or "avx2" not in open("/proc/cpuinfo").read(), caught[0] > 0)
    """)
    assert found.returncode == 0 and found.stdout.split() == ["True"] * 4, (found.returncode, found.stdout, found.stderr)


@pytest.mark.parametrize("first", [True, False])
def test_fault_handler(first):
    """Python's fault handler gives the main thread a stack for handlers and takes its handlers away: matrix products there have one still."""
    found = run(SLOW + """
    import ctypes, faulthandler
    from unfoldnet import _library

    class Stack(ctypes.Structure):
        _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

    def has_stack():
        now = Stack()
        ctypes.CDLL(None).sigaltstack(None, ctypes.byref(now))
        return not now.flags & 2 and now.size > 4096

    caught = [0]
    def handler(*_): caught[0] += 1
    _library.long_call = lambda operator, name, *arguments: _library.call(name, *arguments)  # in this thread
    signal.signal(signal.SIGALRM, handler)
    net = un.unfold("lista", np.random.default_rng(1).standard_normal((200, 400)), stages=4)
    b = np.random.default_rng(2).standard_normal((100, 200))
    faulthandler.enable() if FIRST else None
    z = net(b)
    faulthandler.enable()
    faulthandler.disable()
    signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
    end, equal = time.monotonic() + 1, []
    while time.monotonic() < end:
        equal.append(np.array_equal(net(b), z))
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(len(equal) > 3, all(equal), has_stack() or "avx2" not in open("/proc/cpuinfo").read(), caught[0] > 0)
    """.replace("FIRST", repr(first)))
    assert found.returncode == 0 and found.stdout.split() == ["True"] * 4, (found.returncode, found.stdout, found.stderr)


def test_interrupted_training_leaves_its_checkpoint(tmp_path):
    found = run(SLOW + f"""
    path = {str(tmp_path / "c")!r}
    net = un.unfold('ista-net-plus', A, stages=3)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        net.fit([y], steps=10**6, checkpoint=path)
    except KeyboardInterrupt:
        print("stopped", os.path.exists(path))
    def stop(step, *_): raise StopIteration(step)
    try:
        net.fit([y], steps=10**6, checkpoint=path, resume=True, progress=stop)
    except StopIteration as first:
        print(first.args[0] > 1)
    """)
    assert found.stdout.split() == ["stopped", "True", "True"], (found.stdout, found.stderr)


def test_fork():
    found = run(SLOW + """
    x = un.solve('fista', A, y, 'l1:0.01', iterations=20)
    if pid := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    else:
        again = un.solve('fista', A, y, 'l1:0.01', iterations=20)
        net = un.unfold('ista-net-plus', B, stages=1, channels=2).fit([y], steps=2)
        os._exit(0 if again.tobytes() == x.tobytes() and np.isfinite(net(y)).all() else 1)
    """)
    assert found.stdout.strip() == "0", found.stderr


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
def test_memory_is_flat(rng):
    """Of operators, solutions and networks that come and go."""
    M = rng.standard_normal((20, 30))
    y = rng.standard_normal(20)
    count = 1000 if os.environ.get("UNFOLD_LONG_TESTS") else 250

    def solves(tell):
        for k in range(count):
            B = un.Operator(lambda x: M @ x, lambda y: M.T @ y, shape_in=30, shape_out=20, lipschitz=80.0)
            un.solve("fista", B, y, "l1:0.1", iterations=30)
            un.solve("admm", A, good, "tv:0.01", iterations=10)
            un.unfold("ista-net-plus", A, stages=1, channels=2)(good)
            tell(k + 1)

    def steps(operator):
        def work(tell):
            un.unfold("ista-net-plus", operator, stages=2, channels=4).fit([good], steps=count, progress=lambda step, *_: tell(step))

        return work

    mine = un.Operator(lambda x: A(x), lambda y: A.H(y), shape_in=(16, 16), shape_out=(16, 16), lipschitz=1.0)
    for name, work in (("solves", solves), ("steps", steps(A)), ("steps by functions", steps(mine))):
        sizes = {}
        work(lambda step: sizes.update({step: resident()}) if step % (count // 5) == 0 else None)
        print(f"{name}:", ", ".join(f"{n} {size / 2**20:.1f} MiB" for n, size in sizes.items()))
        assert len(sizes) == 5 and sizes[count] - sizes[count // 5] < 4 << 20


def test_import_is_quick():
    """Compiled, as it is once it was imported."""
    code = "import numpy, time; b = time.process_time(); import unfoldnet; print(time.process_time() - b)"
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    assert min(float(run(code, env=own).stdout) for _ in range(5)) < 0.05


def test_damaged_weights(tmp_path, rng):
    """Files of weights with bytes changed, cut or added."""
    path = tmp_path / "w.safetensors"
    un.unfold("ista-net-plus", A, stages=1, channels=2).save(path)
    whole = path.read_bytes()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(min(len(data), 1500)))] = int(rng.integers(256))
        path.write_bytes(data[: int(rng.integers(1, len(data) + 1))] if rng.uniform() < 0.3 else data)
        try:
            un.load(path, A)(good)
        except un.UnfoldError as error:
            assert "\n" not in str(error)
