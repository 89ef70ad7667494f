# SPDX-License-Identifier: Apache-2.0
"""Linear operators: functions, matrices, those of SciPy and PyLops, and the library's own."""

from __future__ import annotations

import ctypes
import json
import threading
from ctypes import byref, c_char_p, c_double, c_int64
from typing import Any, Mapping, Sequence

import numpy as np

from . import _library as lib
from ._library import Array, Function, InputError


class _Callbacks:
    """A and its adjoint as the library calls them; what they raise is kept for the caller."""

    def __init__(self, forward: Function, adjoint: Function, domain: tuple, codomain: tuple):
        self._maps = (forward, adjoint)
        self._takes_out = tuple(_takes_out(f) for f in self._maps)
        self._spaces = (domain, codomain)
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()
        self.pointer = lib.FUNCTION(self._call)

    def _call(self, _context: int, adjoint: int, single: int, given: int, result: int) -> int:
        if lib.closing():
            return 1
        try:
            (shape_in, complex_in), (shape_out, complex_out) = self._spaces if adjoint == 0 else self._spaces[::-1]
            x = _view(given, shape_in, complex_in, single).copy()  # the library's memory does not last
            out = _view(result, shape_out, complex_out, single)
            if self._takes_out[adjoint]:
                y = np.empty_like(out)
                self._maps[adjoint](x, out=y)
            else:
                y = np.asarray(self._maps[adjoint](x))
            if y.shape != out.shape:
                raise InputError(
                    f"found {list(y.shape)} from {'adjoint' if adjoint else 'forward'}; expected {list(out.shape)}")
            if np.iscomplexobj(y) and not complex_out:
                raise InputError(f"found complex numbers from {'adjoint' if adjoint else 'forward'}; expected real ones")
            out[...] = y
            return 0
        except BaseException as error:
            with self._lock:
                self._errors.append(error)
            return 1

    def raise_kept(self) -> None:
        with self._lock:
            errors, self._errors = self._errors, []
        if errors:
            raise errors[0]


def _takes_out(function: Function) -> bool:
    import inspect

    try:
        return "out" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _view(address: int, shape: tuple[int, ...], is_complex: bool, single: int) -> np.ndarray:
    dtype = np.dtype(f"c{8 if single else 16}" if is_complex else f"f{4 if single else 8}")
    size = dtype.itemsize
    for n in shape:
        size *= n
    memory: Any = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


class Operator:
    """A linear operator y = A x between arrays.

    ``Operator(forward, adjoint, shape_in=…, shape_out=…)`` is one of a pair of functions, which get and give NumPy arrays of one
    signal; a function with an argument ``out`` fills that. ``Operator(A)`` is one of a matrix, dense or sparse, or of whatever
    has SciPy's ``matvec`` and ``rmatvec``, such as PyLops' operators.

    Args:
        shape_in: of a signal; by default a vector, or ``dims`` of PyLops' operators.
        shape_out: of a measurement.
        dtype: of signals, real or complex; ``dtype_out`` of measurements, by default the same.
        lipschitz: ‖A‖², where it is known; else by power iteration when it is needed.
        noise: the standard deviation of the measurements' noise, or ``{"snr": dB}``.
    """

    def __init__(
        self, forward: Any, adjoint: Function | None = None, *, shape_in: Any = None, shape_out: Any = None, dtype: Any = None,
        dtype_out: Any = None, lipschitz: float | None = None, noise: Any = None, name: str | None = None,
    ):
        options = lib.options(lipschitz=lipschitz, noise=noise, name=name)
        self._callbacks: _Callbacks | None = None
        if callable(forward) and adjoint is not None:
            if shape_in is None or shape_out is None:
                raise InputError("found functions without both shapes; expected shape_in and shape_out")
            self._of_functions(forward, adjoint, shape_in, shape_out, dtype or float, dtype_out, options)
        elif adjoint is not None:
            raise InputError("found an adjoint beside what is no function; expected two functions, or a matrix alone")
        elif hasattr(forward, "tocsr"):
            self._of_sparse(forward.tocsr(), shape_in, options)
        elif hasattr(forward, "rmatvec"):
            self._of_linear_operator(forward, shape_in, shape_out, dtype, dtype_out, options)
        elif callable(forward):
            raise InputError("found a function without its adjoint; expected both")
        else:
            matrix = lib.array(forward, "the matrix")
            rank, extents = _extents(shape_in)
            self._made("operator_matrix", byref(lib.describe(matrix)), rank, extents, options)

    def _made(self, name: str, *arguments: Any) -> None:
        self._handle, facts = lib.made(name, *arguments)
        lib.release_with(self, self._handle)
        self.name: str = facts["name"]
        self.shape_in: tuple[int, ...] = tuple(facts["shape_in"])
        self.shape_out: tuple[int, ...] = tuple(facts["shape_out"])
        self.dtype_in = np.dtype(complex if facts["complex_in"] else float)
        self.dtype_out = np.dtype(complex if facts["complex_out"] else float)
        self._lipschitz: float | None = None

    def _of_functions(
        self, forward: Function, adjoint: Function, shape_in: Any, shape_out: Any, dtype: Any, dtype_out: Any, options: bytes
    ) -> None:
        of_in = (lib.shape_of(shape_in, "shape_in"), _is_complex(dtype))
        of_out = (lib.shape_of(shape_out, "shape_out"), _is_complex(dtype if dtype_out is None else dtype_out))
        self._callbacks = _Callbacks(forward, adjoint, of_in, of_out)
        self._made(
            "operator_function", self._callbacks.pointer, None, byref(lib.describe_space(*of_in)),
            byref(lib.describe_space(*of_out)), options)

    def _of_sparse(self, matrix: Any, shape_in: Any, options: bytes) -> None:
        starts = np.ascontiguousarray(matrix.indptr, np.int64)
        columns = np.ascontiguousarray(matrix.indices, np.int64)
        values = lib.array(matrix.data, "the values")
        rank, extents = _extents(shape_in)
        pointer = ctypes.POINTER(c_int64)
        self._made(
            "operator_sparse", matrix.shape[0], matrix.shape[1], starts.ctypes.data_as(pointer), columns.ctypes.data_as(pointer),
            byref(lib.describe(values)), rank, extents, options)

    def _of_linear_operator(
        self, A: Any, shape_in: Any, shape_out: Any, dtype: Any, dtype_out: Any, options: bytes
    ) -> None:
        m, n = (int(k) for k in A.shape)
        shape_in = lib.shape_of(getattr(A, "dims", n) if shape_in is None else shape_in, "shape_in")
        shape_out = lib.shape_of(getattr(A, "dimsd", m) if shape_out is None else shape_out, "shape_out")
        if np.prod(shape_in) != n or np.prod(shape_out) != m:
            raise InputError(f"found shapes {shape_in} and {shape_out} for an operator of {m} × {n}; expected as many numbers")
        dtype = getattr(A, "dtype", None) or float if dtype is None else dtype
        self._of_functions(
            lambda x: A.matvec(x.reshape(-1)).reshape(shape_out), lambda y: A.rmatvec(y.reshape(-1)).reshape(shape_in), shape_in,
            shape_out, dtype, dtype_out, options)

    # MARK: Maps

    def _run(self, name: str, *arguments: Any, long: bool = False) -> dict[str, Any]:
        """A function of the library on this operator; what a function of the user's raised is raised."""
        return self._raising(lib.long_call_on(self._handle) if long else lib.call, name, self._handle, *arguments)

    def _raising(self, run: Function, name: str, *arguments: Any) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = run(name, *arguments)
            return facts
        except lib.UnfoldError:
            if self._callbacks:
                self._callbacks.raise_kept()
            raise

    def _apply(self, x: Any, adjoint: bool) -> np.ndarray:
        x = lib.array(x, "the measurement" if adjoint else "the signal")
        given, wanted = (self.shape_out, self.shape_in) if adjoint else (self.shape_in, self.shape_out)
        y = _result(x, given, wanted, self.dtype_in if adjoint else self.dtype_out)
        self._run("operator_apply", int(adjoint), byref(lib.describe(x)), byref(lib.describe(y)))
        return y

    def __call__(self, x: Any) -> np.ndarray:
        """A x of a signal, or of signals along leading axes; in single precision where x is."""
        return self._apply(x, False)

    def __matmul__(self, x: Any) -> np.ndarray:
        return self._apply(x, False)

    @property
    def H(self) -> "Adjoint":
        """Aᴴ: ``A.H(y)`` or ``A.H @ y``."""
        return Adjoint(self)

    @property
    def lipschitz(self) -> float:
        """‖A‖²."""
        if self._lipschitz is None:
            self._lipschitz = float(self._run("operator_facts", 1, long=True)["lipschitz"])
        return self._lipschitz

    @property
    def norm(self) -> float:
        """‖A‖."""
        return self.lipschitz**0.5

    def adjoint_error(self, seed: int = 1) -> float:
        """|Re⟨A x, y⟩ − Re⟨x, Aᴴ y⟩| / (‖A x‖ ‖y‖) of random arrays: 1e-10 and less of a true adjoint."""
        error = c_double()
        self._run("operator_adjoint_error", seed, byref(error))
        return error.value

    def measure(self, x: Any, seed: int = 1) -> np.ndarray:
        """A x with the operator's noise, as ``unfold simulate`` has it."""
        x = lib.array(x, "the signal")
        y = _result(x, self.shape_in, self.shape_out, self.dtype_out, single=False)
        self._run("operator_measure", byref(lib.describe(x)), seed, byref(lib.describe(y)))
        return y

    # MARK: As SciPy has it

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of a measurement and of a signal."""
        return int(np.prod(self.shape_out)), int(np.prod(self.shape_in))

    @property
    def dtype(self) -> np.dtype:
        return np.result_type(self.dtype_in, self.dtype_out)

    def matvec(self, x: Any) -> np.ndarray:
        return self(np.ascontiguousarray(x, self.dtype_in).reshape(self.shape_in)).reshape(-1)

    def rmatvec(self, y: Any) -> np.ndarray:
        return self.H(np.ascontiguousarray(y, self.dtype_out).reshape(self.shape_out)).reshape(-1)

    def linear_operator(self) -> Any:
        """``scipy.sparse.linalg.LinearOperator`` on vectors."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(self.shape, matvec=self.matvec, rmatvec=self.rmatvec, dtype=self.dtype)

    def __repr__(self) -> str:
        return f"<Operator {self.name}: {list(self.shape_in)} {self.dtype_in} → {list(self.shape_out)} {self.dtype_out}>"


class Adjoint:
    """Aᴴ of an operator."""

    def __init__(self, A: Operator):
        self.H = A

    def __call__(self, y: Any) -> np.ndarray:
        return self.H._apply(y, True)

    __matmul__ = __call__


def _is_complex(dtype: Any) -> bool:
    kind = np.dtype(dtype).kind
    if kind not in "fc":
        raise InputError(f"found numbers of {np.dtype(dtype)}; expected real or complex ones")
    return kind == "c"


def _extents(shape: Any) -> tuple[int, Any]:
    if shape is None:
        return 0, None
    shape = lib.shape_of(shape, "shape_in")
    return len(shape), (c_int64 * len(shape))(*shape)


def _result(
    given: np.ndarray, of: tuple[int, ...], wanted: tuple[int, ...], dtype: np.dtype, single: bool | None = None
) -> np.ndarray:
    """Room for what a map makes of an array, in the array's precision unless said."""
    if given.shape[given.ndim - len(of):] != of:
        raise InputError(f"found an array of shape {list(given.shape)}; expected {list(of)}, or samples of it")
    if single is None:
        single = given.dtype.itemsize == (8 if given.dtype.kind == "c" else 4)
    return np.empty(
        given.shape[: given.ndim - len(of)] + wanted, np.dtype(f"{dtype.kind}{dtype.itemsize // 2}") if single else dtype)


# MARK: The library's own


def operator(
    *steps: Any, shape: Any = None, complex: bool = False, noise: Any = None, lipschitz: float | None = None, name: str | None = None
) -> Operator:
    """An operator of steps, the first applied first, as in the command line's YAML descriptions.

    ``operator({"blur": {"sigma": 1.6}}, {"downsample": 2}, shape=(64, 64))``. Where a description names a file, an array stands.
    """
    arrays: list[np.ndarray] = []

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key).replace("_", "-"): plain(v) for key, v in value.items() if v is not None}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, (str, int, float, bool)):
            return value
        found = np.asarray(value)
        kept = found if found.dtype.kind in "fc" else found.astype(float)
        arrays.append(lib.array(np.ascontiguousarray(kept), "an array of the description"))
        return f"array-{len(arrays)}"

    description = {"operator": [plain(step) for step in steps], "complex": complex}
    if shape is not None:
        description["shape"] = list(lib.shape_of(shape, "shape"))
    names = (c_char_p * len(arrays))(*(f"array-{i + 1}".encode() for i in range(len(arrays))))
    given = (Array * len(arrays))(*(lib.describe(a) for a in arrays))
    made = Operator.__new__(Operator)
    made._callbacks = None
    made._made(
        "operator_steps", json.dumps(description).encode(), len(arrays), names, given,
        lib.options(noise=noise, lipschitz=lipschitz, name=name))
    return made


def beams(shape: Any, **scan: Any) -> Operator:
    """X-rays through images: ``views``, ``angles`` in radians, ``geometry`` parallel or fan, ``bins``, lengths in mm as ``pixel_size``."""
    own = {key: scan.pop(key) for key in ("noise", "lipschitz", "name") if key in scan}
    return operator({"beams": scan}, shape=shape, **own)


def fourier(mask: Any = None, *, shape: Any = None, coils: Any = None, complex: bool = False, order: str | None = None, **own: Any) -> Operator:
    """The unitary Fourier transform of images, at the frequencies of a mask (1 where measured, frequency 0 first) or of a
    description such as ``{"ratio": 0.25}``; ``coils`` are maps ``[coils, height, width]``, or a number of simulated ones."""
    steps: list[Any] = []
    if coils is not None:
        steps.append({"coils": {"count" if isinstance(coils, int) else "maps": coils}})
    steps.append("fourier")
    if isinstance(mask, Mapping):
        steps.append({"undersample": dict(mask)})
    elif mask is not None:
        mask = np.asarray(mask)
        shape = mask.shape if shape is None else shape
        steps.append({"undersample": {"file": mask, "order": order}})
    return operator(*steps, shape=shape, complex=complex, **own)


def blur(shape: Any, sigma: float | None = None, *, kernel: Any = None, boundary: str | None = None, complex: bool = False, **own: Any) -> Operator:
    """Convolution with a Gaussian or a kernel, as ``scipy.ndimage.convolve`` has it; ``boundary`` is periodic or zero."""
    return operator({"blur": {"sigma": sigma, "kernel": kernel, "boundary": boundary}}, shape=shape, complex=complex, **own)


def downsample(shape: Any, factor: int, **own: Any) -> Operator:
    """Every ``factor``-th pixel."""
    return operator({"downsample": factor}, shape=shape, **own)


def mask(seen: Any, *, complex: bool = False, **own: Any) -> Operator:
    """The pixels that are seen."""
    seen = np.asarray(seen)
    return operator({"mask": {"file": seen}}, shape=seen.shape, complex=complex, **own)


def hadamard(shape: Any, *, rows: int | None = None, ratio: float | None = None, seed: int = 1, **own: Any) -> Operator:
    """Rows of the Walsh–Hadamard transform of all pixels: a single-pixel camera."""
    return operator({"hadamard": {"rows": rows, "ratio": ratio, "seed": seed}}, shape=shape, **own)


def wavelet(shape: Any, filter: str = "db2", levels: int | None = None, **own: Any) -> Operator:
    """An orthonormal wavelet transform."""
    return operator({"wavelet": {"filter": filter, "levels": levels}}, shape=shape, **own)


def gradient(shape: Any, **own: Any) -> Operator:
    """Differences to the next row and column."""
    return operator("gradient", shape=shape, **own)


def as_operator(A: Any) -> Operator:
    return A if isinstance(A, Operator) else Operator(A)
