#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a DocC catalogue of a folder of pages: links between pages become DocC's, those to other files stay as text. Usage: Scripts/docc.py PAGES CATALOGUE"""

import re
import shutil
import sys
from pathlib import Path

pages, catalogue = Path(sys.argv[1]), Path(sys.argv[2])
names = sorted(page.stem for page in pages.glob("*.md"))
broken = []


def link(match: re.Match, page: Path) -> str:
    image, text, target = match[1], match[2], match[3]
    if re.match(r"https?:|#", target):
        return match[0] if not target.startswith("#") else text
    path, _, _ = target.partition("#")
    if not (page.parent / path).exists():
        broken.append(f"{page}: {target}")
    if image:
        shutil.copy(page.parent / path, catalogue / Path(path).name)
        return f"![{text}]({Path(path).name})"
    stem = Path(path).stem
    return f"<doc:{stem}>" if path.endswith(".md") and stem in names and "/" not in path else text


for page in sorted(pages.glob("*.md")):
    text = re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", lambda m: link(m, page), page.read_text())
    (catalogue / page.name).write_text(text)
(catalogue / "Unfold.md").write_text(
    "# Unfold\n\n@Metadata {\n  @TechnologyRoot\n}\n\nIterative algorithms for inverse problems as trained networks.\n\n## Topics\n\n### Pages\n\n"
    + "".join(f"- <doc:{name}>\n" for name in names))
if broken:
    sys.exit("found links to what is not there:\n" + "\n".join(broken))
