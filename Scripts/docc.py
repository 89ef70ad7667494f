#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a DocC catalogue of a folder of pages: links between pages become DocC's, those to other files stay as text. A link to no file or no
heading ends it. Links between the symbols of the modules in GRAPHS are made absolute, since DocC looks for a symbol in one module alone.
Usage: Scripts/docc.py PAGES CATALOGUE GRAPHS"""

import json
import re
import shutil
import sys
from pathlib import Path

pages, catalogue, graphs = map(Path, sys.argv[1:])
names = sorted(page.stem for page in pages.glob("*.md"))
broken = []


def headings(path: Path) -> set[str]:
    """As links name them: small letters, hyphens for spaces, no other signs."""
    lines = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-") for line in lines}


def page_link(match: re.Match, page: Path) -> str:
    image, text, target = match[1], match[2], match[3]
    if re.match(r"https?:", target):
        return match[0]
    path, _, heading = target.partition("#")
    file = page.parent / path if path else page
    if not file.exists() or (heading and file.suffix == ".md" and heading not in headings(file)):
        broken.append(f"{page}: {target}")
        return text
    if image:
        shutil.copy(file, catalogue / file.name)
        return f"![{text}]({file.name})"
    return f"[{text}](doc:{file.stem})" if path and file.suffix == ".md" and file.stem in names and "/" not in path else text


for page in sorted(pages.glob("*.md")):
    text = re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", lambda m: page_link(m, page), page.read_text())
    (catalogue / page.name).write_text(text)
(catalogue / "Unfold.md").write_text(
    "# Unfold\n\n@Metadata {\n  @TechnologyRoot\n}\n\nIterative algorithms for inverse problems as trained networks.\n\n## Topics\n\n### Pages\n\n"
    + "".join(f"- <doc:{name}>\n" for name in names))

symbols: dict[str, set[str]] = {}
files = []
for file in sorted(graphs.glob("*.json")):
    module, _, extended = file.name.removesuffix(".symbols.json").partition("@")
    place = extended if extended and (graphs / f"{extended}.symbols.json").exists() else module
    graph = json.loads(file.read_text())
    # Without what a module exports of others, as Platform does Foundation: a symbol's name has its module's in it, with its length.
    own = {s["identifier"]["precise"] for s in graph["symbols"] if f"{len(module)}{module}" in s["identifier"]["precise"]}
    graph["symbols"] = [s for s in graph["symbols"] if s["identifier"]["precise"] in own]
    graph["relationships"] = [r for r in graph["relationships"] if r["source"] in own]
    files.append((file, graph, place, module))
    symbols.setdefault(place, set()).update("/".join(s["pathComponents"]) for s in files[-1][1]["symbols"])


def absolute(name: str, scope: list[str], modules: tuple[str, str]) -> str:
    """The first of what a name says in the scope, in those around it, in its module, in the others."""
    plain = name if any(name in paths for paths in symbols.values()) else re.sub(r"-[>(].*", "", name)
    for module in modules:
        for k in range(len(scope), -1, -1):
            if "/".join(scope[:k] + [plain]) in symbols[module]:
                return "/".join(["", module] + scope[:k] + [name])
    return next((f"/{module}/{name}" for module in symbols if plain in symbols[module]), name)


link = re.compile(r"(?<!`)``([^`/][^`]*)``(?!`)")
known: dict[tuple[str, str], str] = {}  # a comment of a protocol's stands at every type of it, where its names may say nothing
for write in (False, True):
    for file, graph, place, module in files:
        for symbol in graph["symbols"]:
            for line in symbol.get("docComment", {}).get("lines", []):
                text = line["text"]
                for name in link.findall(text):
                    target = absolute(name, symbol["pathComponents"], (place, module))
                    if target != name:
                        known.setdefault((text, name), target)
                    if write:
                        line["text"] = line["text"].replace(f"``{name}``", f"``{target if target != name else known.get((text, name), name)}``")
        if write:
            file.write_text(json.dumps(graph))
if broken:
    sys.exit("found links to what is not there:\n" + "\n".join(broken))
