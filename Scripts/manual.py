#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manual pages of the program and of every command, from what it says of itself. Usage: Scripts/manual.py PROGRAM FOLDER"""

import json
import subprocess
import sys
from pathlib import Path


def roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.splitlines())


def names(argument: dict) -> str:
    flags = [("-" if n["kind"] == "short" else "--") + n["name"] for n in argument.get("names", [])]
    value = argument.get("valueName", "")
    if not flags:
        return f"\\fI{roff(value)}\\fR"
    text = ", ".join(f"\\fB{roff(flag)}\\fR" for flag in flags)
    return text + (f" \\fI{roff(value)}\\fR" if argument["kind"] == "option" else "")


def page(command: dict, path: list[str], folder: Path) -> None:
    name = "-".join(path)
    shown = [a for a in command.get("arguments", []) if a.get("shouldDisplay", True)]
    lines = [f'.TH {name.upper()} 1 "" "Unfold" "Unfold"', ".SH NAME", f"{roff(name)} \\- {roff(command.get('abstract', ''))}"]
    synopsis = [names(a) for a in shown if a["kind"] == "positional"]
    lines += [".SH SYNOPSIS", f"\\fB{' '.join(path)}\\fR [options] {' '.join(synopsis)}"]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", roff(command["discussion"])]
    if shown:
        lines.append(".SH OPTIONS")
        for a in shown:
            default = f" (by default {a['defaultValue']})" if a.get("defaultValue") else ""
            lines += [".TP", names(a), roff(a.get("abstract", "") + default)]
    below = [c for c in command.get("subcommands", []) if c.get("shouldDisplay", True) and c["commandName"] != "help"]
    if below:
        lines.append(".SH COMMANDS")
        for c in below:
            lines += [".TP", f"\\fB{roff('-'.join(path + [c['commandName']]))}\\fR(1)", roff(c.get("abstract", ""))]
            page(c, path + [c["commandName"]], folder)
    (folder / f"{name}.1").write_text("\n".join(lines) + "\n")


program, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
said = json.loads(subprocess.run([program, "--experimental-dump-help"], capture_output=True, check=True).stdout)
page(said["command"], ["unfold"], folder)
