# SPDX-License-Identifier: Apache-2.0
"""The C library: arrays across the border, errors as exceptions, calls that can be interrupted."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import logging
import os
import re
import threading
import time
import weakref
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_int32, c_int64, c_uint64, c_void_p
from typing import Any, Callable, Iterator, Sequence

import numpy as np

log = logging.getLogger("unfoldnet")


class UnfoldError(Exception):
    """What the library could not do, in one line."""


class InputError(UnfoldError, ValueError):
    """An input or a choice that cannot be used: what was found, what was expected, what to do."""


class ObjectError(UnfoldError, RuntimeError):
    """An object that is no more."""


class FailedError(UnfoldError, RuntimeError):
    """Work that could not be done although its inputs were right."""


class StoppedError(UnfoldError, RuntimeError):
    """Work that was stopped."""


class Array(Structure):
    _fields_ = [("data", c_void_p), ("shape", POINTER(c_int64)), ("rank", c_int32), ("type", c_int32)]


FUNCTION = CFUNCTYPE(c_int32, c_void_p, c_int32, c_int32, c_void_p, c_void_p)
PROGRESS = CFUNCTYPE(c_int32, c_void_p, c_int64, c_int64, c_double, c_double)

Function = Callable[..., Any]

_HANDLE = POINTER(c_int64)
_ARRAY = POINTER(Array)
_SHAPE = POINTER(c_int64)
_SIGNATURES: dict[str, list[Any]] = {
    "methods": [],
    "set_threads": [c_int32],
    "release": [c_int64],
    "operator_steps": [c_char_p, c_int32, POINTER(c_char_p), _ARRAY, c_char_p, _HANDLE],
    "operator_matrix": [_ARRAY, c_int32, _SHAPE, c_char_p, _HANDLE],
    "operator_sparse": [c_int64, c_int64, _SHAPE, _SHAPE, _ARRAY, c_int32, _SHAPE, c_char_p, _HANDLE],
    "operator_function": [FUNCTION, c_void_p, _ARRAY, _ARRAY, c_char_p, _HANDLE],
    "operator_facts": [c_int64, c_int32],
    "operator_apply": [c_int64, c_int32, _ARRAY, _ARRAY],
    "operator_adjoint_error": [c_int64, c_uint64, POINTER(c_double)],
    "operator_measure": [c_int64, _ARRAY, c_uint64, _ARRAY],
    "operator_stop": [c_int64],
    "solve": [c_int64, c_char_p, c_char_p, _ARRAY, _ARRAY],
    "network": [c_int64, c_char_p, c_char_p, _HANDLE],
    "network_load": [c_int64, c_char_p, c_char_p, c_char_p, _HANDLE],
    "network_save": [c_int64, c_char_p],
    "network_move": [c_int64, c_int64, _HANDLE],
    "network_facts": [c_int64],
    "network_parameter": [c_int64, c_char_p, c_int32, _ARRAY],
    "network_fit": [c_int64, c_int32, _ARRAY, c_int32, _ARRAY, _ARRAY, c_char_p, PROGRESS, c_void_p],
    "network_apply": [c_int64, _ARRAY, c_int32, _ARRAY],
    "network_pullback": [c_int64, _ARRAY, c_int32, _ARRAY, _ARRAY],
    "metric": [c_char_p, _ARRAY, _ARRAY, c_double, POINTER(c_double)],
}


def _load() -> ctypes.CDLL:
    path = os.environ.get("UNFOLDNET_LIBRARY") or os.path.join(os.path.dirname(__file__), "libunfoldnet.so")
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"found no library at {path}; expected one, install the package again: {error}") from error
    for name, arguments in _SIGNATURES.items():
        getattr(library, "unf_" + name).argtypes = arguments
    for name in ("version", "message", "facts"):
        getattr(library, "unf_" + name).restype = c_char_p
    return library


_lib = _load()
version: str = _lib.unf_version().decode()

# MARK: Calls

_errors = {1: InputError, 2: ObjectError, 3: FailedError, 4: StoppedError, 5: FailedError}
_inside = 0
_lock = threading.Lock()
_closing = False


def closing() -> bool:
    """The interpreter is about to end: nothing of Python's may be called."""
    return _closing


def _in_python(text: str) -> str:
    """The library names options as the command line does: ``--choose-by x`` is ``choose_by=x``."""
    option = r"--([a-z][a-z-]*)( (?!(?:and|for|or|with)\b))?"
    return re.sub(option, lambda m: ("stages" if m[1] == "depth" else m[1].replace("-", "_")) + ("=" if m[2] else ""), text)


def call(name: str, *arguments: Any) -> dict[str, Any]:
    """Runs a function of the library; its facts, or its error."""
    global _inside
    with _lock:
        if _closing:
            raise StoppedError("the interpreter is ending")
        _inside += 1
    try:
        code = getattr(_lib, "unf_" + name)(*arguments)
        if code:
            raise _errors[code](_in_python(_lib.unf_message().decode()))
        facts: dict[str, Any] = json.loads(_lib.unf_facts())
    finally:
        with _lock:
            _inside -= 1
    for remark in facts.pop("remarks", []):
        log.warning(remark)
    return facts


def long_call(operator: int, name: str, *arguments: Any) -> dict[str, Any]:
    """The same for what may take a while: Ctrl-C stops it.

    Python handles signals between lines of the main thread, which so must not be in the library: another thread is.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(name, *arguments)
    found: list[Any] = []
    done = threading.Event()

    def work() -> None:
        try:
            found.append(call(name, *arguments))
        except BaseException as error:
            found.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="unfoldnet").start()
    interrupted = False
    while not done.is_set():
        try:
            done.wait()
        except KeyboardInterrupt:
            interrupted = True
            stop(operator)
    if interrupted:
        raise KeyboardInterrupt
    if isinstance(found[0], BaseException):
        raise found[0]
    facts: dict[str, Any] = found[0]
    return facts


def stop(operator: int) -> None:
    """Ends what runs on an operator, in any thread."""
    _lib.unf_operator_stop(operator)


def long_call_on(operator: int) -> Function:
    """:func:`long_call` that an operator's stop ends."""
    return lambda name, *arguments: long_call(operator, name, *arguments)


_alive: set[int] = set()


def note_made(handle: int) -> None:
    _alive.add(handle)


def _release(handle: int) -> None:
    _alive.discard(handle)
    _lib.unf_release(handle)


def release_with(owner: Any, handle: int) -> Callable[[], Any]:
    """Releases an object when its owner goes, or is told; not at the end of the interpreter, when others may still be at work on it."""
    finalizer = weakref.finalize(owner, _release, handle)
    finalizer.atexit = False
    return finalizer


def made(name: str, *arguments: Any) -> tuple[int, dict[str, Any]]:
    """Makes an object: its handle, and its facts."""
    handle = c_int64()
    facts = call(name, *arguments, byref(handle))
    note_made(handle.value)
    return handle.value, facts


def _close() -> None:
    """Whoever is inside comes out before the interpreter goes."""
    global _closing
    with _lock:
        _closing = True
    end = time.monotonic() + 60
    while _inside and time.monotonic() < end:
        for handle in list(_alive):
            _lib.unf_operator_stop(handle)
        time.sleep(0.002)


def _in_child() -> None:
    # Threads do not live on in a child: a lock that one of them held never opens, and nothing runs but the caller.
    global _lock, _inside
    _lock, _inside = threading.Lock(), 0
    _lib.unf_set_threads(1)


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)

# MARK: Arrays

_types = {np.dtype(np.float32): 0, np.dtype(np.float64): 1, np.dtype(np.complex64): 2, np.dtype(np.complex128): 3}


def array(value: Any, name: str) -> np.ndarray:
    """A NumPy array over the same memory: of NumPy's, of ``__array_interface__``'s or of DLPack's.

    Numbers are single or double, real or complex, in C order: another array is refused, not copied.
    """
    if not isinstance(value, np.ndarray):
        if hasattr(value, "__dlpack__"):
            value = np.from_dlpack(value)
        elif hasattr(value, "__array_interface__") or isinstance(value, np.generic):
            value = np.asarray(value)
        else:
            raise InputError(f"found {name} of {type(value).__name__}; expected an array")
    if value.dtype not in _types:
        raise InputError(f"found {name} of {value.dtype}; expected float32, float64, complex64 or complex128, convert it")
    if not value.flags.c_contiguous:
        raise InputError(f"found {name} that does not lie in C order; expected one that does, see numpy.ascontiguousarray")
    if value.size == 0:
        raise InputError(f"found {name} of shape {list(value.shape)}; expected numbers")
    if not value.flags.aligned:
        raise InputError(f"found {name} at an address that is no multiple of its numbers' size; expected one, copy it")
    return value


def describe(value: np.ndarray) -> Array:
    """The array as the library sees it; it lives as long as the NumPy one."""
    shape = (c_int64 * value.ndim)(*value.shape)
    return Array(value.ctypes.data, shape, value.ndim, _types[value.dtype])


def describe_space(shape: Sequence[int], is_complex: bool) -> Array:
    return Array(None, (c_int64 * len(shape))(*shape), len(shape), 3 if is_complex else 1)


def options(**values: Any) -> bytes:
    """Options as JSON; None is left out."""
    return json.dumps({name: value for name, value in values.items() if value is not None}).encode()


def path(value: Any) -> str | None:
    """The name of a file, where one is given."""
    return None if value is None else os.fsdecode(value)


def shape_of(value: Any, name: str) -> tuple[int, ...]:
    try:
        shape = (int(value),) if isinstance(value, (int, np.integer)) else tuple(int(n) for n in value)
    except (TypeError, ValueError) as error:
        raise InputError(f"found {name} {value!r}; expected extents such as (256, 256)") from error
    if not 1 <= len(shape) <= 8 or any(not 1 <= n <= 1 << 30 for n in shape):
        raise InputError(f"found {name} {value!r}; expected extents such as (256, 256)")
    return shape


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads for all calls meanwhile; 0: all cores."""
    set_threads(count)
    try:
        yield
    finally:
        set_threads(0)


def set_threads(count: int) -> None:
    """Threads of every call; 0: all cores. Results do not depend on it."""
    call("set_threads", count)
