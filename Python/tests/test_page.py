# SPDX-License-Identifier: Apache-2.0
"""The page's blocks, one after another."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import unfoldnet as un

root = Path(__file__).resolve().parents[2]
page = root / "Documentation" / "Python.md"


def test_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        if "import torch" in block:
            pytest.importorskip("torch")
        exec(block, names)
    first = float(capsys.readouterr().out.split()[1])
    assert first > 20 and un.psnr(names["estimate"], names["image"] * 1.0) > 15


def test_header_is_c_and_cpp(tmp_path):
    """The page's C compiles, with the library's every function declared."""
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    block = re.search(r"```c\n(.*?)```", page.read_text(), re.S)[1]
    source = tmp_path / "a.c"
    source.write_text(
        '#include <stdio.h>\n#include "unfoldnet.h"\nstatic double data[4096], result[4096];\nint main(void) {\n'
        f"data[2080] = 1;\n{block}printf(\"%.6f\\n\", result[2080] > 0 ? 1.0 : 0.0);\nreturn 0;\n}}\n")
    header = root / "Sources" / "CUnfoldNet" / "include"
    library = Path(os.environ.get("UNFOLDNET_LIBRARY") or Path(un.__file__).with_name("libunfoldnet.so"))
    subprocess.run([compiler, "-std=c99", "-Wall", "-Werror", "-I", header, source, library, "-o", tmp_path / "a",
                    f"-Wl,-rpath,{library.parent}", "-Wl,--allow-shlib-undefined"], check=True)
    assert subprocess.run([tmp_path / "a"], capture_output=True, text=True, check=True).stdout == "1.000000\n"
    from unfoldnet import _library

    declared = set(re.findall(r"\bunf_(\w+)\(", (header / "unfoldnet.h").read_text()))
    assert declared == set(_library._SIGNATURES) | {"version", "message", "facts"}
