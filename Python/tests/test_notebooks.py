# SPDX-License-Identifier: Apache-2.0
"""The notebooks' cells, one after another."""

import json
from pathlib import Path

import pytest

folder = Path(__file__).resolve().parents[2] / "Examples" / "notebooks"


@pytest.mark.parametrize("path", sorted(folder.glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        assert cell["cell_type"] == "markdown" or not cell["outputs"]
        if cell["cell_type"] == "code":
            for module in ("pylops", "torch", "scipy"):
                if f"import {module}" in source:
                    pytest.importorskip(module)
            exec(compile(source, path.name, "exec"), names)
