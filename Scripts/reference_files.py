#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds `unfold convert` against the field's own readers: reference_files.py PROGRAM FOLDER [FORMAT]...

Every file under FOLDER that a format knows is converted to NPZ and compared, array by array, with what the reference reader gives. Prints a
line a file and the counts; exits with 1 when a file gave other numbers, ended the program, or was refused though the reference reads numbers.

A format is one function: it takes a path and gives {name: numpy array} of the numeric arrays, under the names of Unfold, or raises. Those
that the reader cannot read are left out by it. Needs numpy, scipy, h5py and mat73 (versions are printed).
"""
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np


def flattened(name, value, into):
    """Arrays of structures and cells as scipy.io gives them, under NAME.FIELD and NAME.K, K in MATLAB's order."""
    import scipy.sparse

    if scipy.sparse.issparse(value):
        into[name] = value.toarray()
    elif type(value).__name__ in ("MatlabFunction", "MatlabOpaque", "MatlabObject"):
        return
    elif isinstance(value, np.ndarray) and value.dtype.names:
        elements = value.flatten(order="F")
        for k, element in enumerate(elements):
            for field in value.dtype.names:
                flattened(f"{name}.{field}" if len(elements) == 1 else f"{name}.{k}.{field}", element[field], into)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for k, element in enumerate(value.flatten(order="F")):
            flattened(f"{name}.{k}", element, into)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        into[name] = value


def mat(path):
    """MATLAB 4 and 5 by scipy.io, 7.3 by h5py."""
    with open(path, "rb") as file:
        if file.read(520)[512:] == b"\x89HDF\r\n\x1a\n":
            return mat73(path)
    import scipy.io

    found = {}
    for name, value in scipy.io.loadmat(path, chars_as_strings=False).items():
        if not name.startswith("__") and name != "None":
            flattened(name, value, found)
    return found


def mat73(path):
    """Full arrays of numbers at the first level; the order of HDF5 is MATLAB's in reverse."""
    import h5py

    found = {}
    with h5py.File(path) as file:
        for name, item in file.items():
            if name.startswith("#") or "MATLAB_object_decode" in item.attrs:
                continue
            kind = item.attrs.get("MATLAB_class", b"")
            kind = kind.decode() if isinstance(kind, bytes) else str(kind)
            if not isinstance(item, h5py.Dataset):
                if "MATLAB_sparse" in item.attrs:
                    import scipy.sparse

                    starts = item["jc"][()]
                    shape = (int(item.attrs["MATLAB_sparse"]), len(starts) - 1)
                    values = item["data"][()] if "data" in item else np.zeros(0)
                    if values.dtype.names:
                        values = values["real"] + 1j * values["imag"]
                    rows = item["ir"][()] if "ir" in item else np.zeros(0, int)
                    found[name] = scipy.sparse.csc_matrix((values, rows, starts), shape).toarray()
                continue
            if kind in ("char", "cell", "struct") or item.dtype.kind not in "biufV":
                continue
            value = item[()]
            if item.attrs.get("MATLAB_empty", 0):
                value = np.zeros([int(n) for n in value])
            elif value.dtype.names:
                value = (value[value.dtype.names[0]] + 1j * value[value.dtype.names[1]]).T
            else:
                value = value.T
            found[name] = value
    return found


def npz(path):
    with np.load(path, allow_pickle=False) as file:
        found = {}
        for name in file.files:
            try:
                if file[name].dtype.kind in "biufc":
                    found[name] = file[name]
            except ValueError:
                pass  # objects
        return found


# Extension: reader. A format is added here.
FORMATS = {"mat": mat, "npz": npz}


def same(value, expected):
    """Equal in shape and numbers; Unfold keeps integers as floating point, of single precision when narrower than 32 bits."""
    if value.size == 0 and expected.size == 0:
        return True
    if value.shape != expected.shape:
        return False
    if expected.dtype.kind in "iu" and expected.dtype.itemsize == 8:
        expected = expected.astype(np.float64)
    return np.array_equal(value, expected, equal_nan=True) or np.array_equal(value, expected.astype(value.dtype), equal_nan=True)


def converted(program, path, folder):
    """The arrays that Unfold reads, and its last line of standard error; None when it refused, an exit code below 0 when it ended."""
    output = os.path.join(folder, "out.npz")
    if os.path.exists(output):
        os.unlink(output)
    done = subprocess.run([program, "convert", path, output], capture_output=True, text=True, errors="replace", timeout=120)
    lines = [line for line in done.stderr.splitlines() if line] or [""]
    if done.returncode != 0:
        return None, lines[-1], done.returncode
    with np.load(output) as file:
        return {name: file[name] for name in file.files}, lines[-1], 0


def compared(program, read, path, folder):
    """A word for the table and a line of why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected, error = read(path), None
    except BaseException as raised:  # the reference reader's own crash included
        expected, error = None, f"{type(raised).__name__}: {raised}"
    found, line, code = converted(program, path, folder)
    if code < 0 or code > 128:
        return "ENDED", line
    if found is None:
        if expected is None:
            return "refused by both", line
        return ("refused, no numbers in it", line) if not expected else ("REFUSED, the reference reads it", line)
    if expected is None:
        return "read, the reference does not", error
    wrong = [name for name, value in expected.items() if name in found and not same(found[name], value)]
    missing = [name for name in expected if name not in found]
    if wrong:
        return "OTHER NUMBERS", ", ".join(f"{name} {found[name].shape} {expected[name].shape}" for name in wrong[:3])
    if missing:
        return "SOME MISSING", ", ".join(missing[:5])
    return "equal", f"{len(expected)} arrays" + (f", {len(found) - len(expected)} more" if len(found) > len(expected) else "")


def run(usage, formats, compare, references):
    """Compares the files of a folder, prints a line each and what the references are; exit status 1 where a word is in capitals."""
    if len(sys.argv) < 3:
        sys.exit(usage)
    program, top, chosen = sys.argv[1], sys.argv[2], sys.argv[3:] or list(formats)
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        for parent, folders, files in os.walk(top):
            folders.sort()
            for name in sorted(files):
                kind = name.rsplit(".", 1)[-1].lower()
                if kind not in chosen or kind not in formats:
                    continue
                path = os.path.join(parent, name)
                word, line = compare(program, formats[kind], path, folder)
                counts[kind, word] = counts.get((kind, word), 0) + 1
                print(f"{os.path.relpath(path, top)}: {word}: {line}".replace(top + "/", ""))
    print()
    for (kind, word), count in sorted(counts.items()):
        print(f"{kind}: {word}: {count}")
    print("against " + ", ".join(f"{name} {sys.modules[name].__version__}" for name in references if name in sys.modules))
    sys.exit(any(word.split(",")[0].isupper() for _, word in counts))


if __name__ == "__main__":
    run(__doc__, FORMATS, compared, ("numpy", "scipy", "h5py"))
