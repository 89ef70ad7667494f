#!/usr/bin/env python3
"""Applies the pages on adding things to a copy of the repository, and runs what they say.

Usage: Scripts/pages.py [--folder DIR]

A Swift block that begins with a path is that file; where a page has a manifest of its own, the blocks after it go on with it.
A block under a paragraph that names files, "[`File.swift`](../Sources/File.swift), before `item("Name"`", is a row there: before
the one line that begins so. Of several files, each takes one line of the block, in order. Blocks under "Use" become tests."""
import argparse, json, os, re, shutil, signal, struct, subprocess, sys, tempfile, time, zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["AddAnOperator", "AddAProximalMap", "AddAnAlgorithm", "AddANetwork", "AddAFamily"]
SWIFT = os.environ.get("SWIFT", "swift")
PLACE = re.compile(r"\[`[^`]+`\]\(\.\./(Sources/[^)]+\.swift)\),\s+before\s+`([^`]+)`")
USE = """import Algorithms
import Operators
import ProximalMaps
import Tensors
import Testing

private let A = Matrix.gaussian(rows: 32, columns: 64, seed: 1)
private let y = A.forward(.identity(64).row(3))
private let lambda = 0.1

@Suite struct UseTests {
"""


class Failure(Exception):
    pass


def step(text, since):
    print(f"{time.monotonic() - since:7.1f} s  {text}", flush=True)


def run(what, command, folder, quiet=False, advice="mend the page"):
    """Runs a command, and gives its standard output."""
    start = time.monotonic()
    done = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        told = [line for line in lines if re.search(r"\berror: |✘.*recorded an issue", line)] or lines[-1:] or ["no output"]
        raise Failure(f"{what}: found status {done.returncode}, expected 0; {advice}: {told[0]}")
    if not quiet:
        step(what, start)
    return done.stdout


def expect(holds, text):
    if not holds:
        raise Failure(text)


class Page:
    """What a page says: files and rows of the repository, a package of its own, uses."""

    def __init__(self, name):
        self.name = f"Documentation/{name}.md"
        self.files, self.rows, self.package, self.uses = {}, [], {}, []
        text = (ROOT / self.name).read_text()
        manifest, last, end, heading = False, None, 0, ""
        for block in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M):
            before = text[end:block.start()]
            end, content = block.end(), block[2]
            heading = (re.findall(r"^## .*$", before, re.M) or [heading])[-1]
            if block[1] != "swift":
                continue
            path = re.match(r"// ((?:Sources|Tests)/\S+\.swift)\n", content)
            places = PLACE.findall(before.strip().split("\n\n")[-1])
            if content.startswith("// swift-tools-version"):
                manifest, self.package["Package.swift"] = True, content
            elif path:
                last = path[1]
                (self.package if manifest else self.files)[last] = content
            elif heading == "## Use":
                self.uses.append(content)
            elif manifest and last:
                self.package[last] += "\n" + content
            elif len(places) == 1:
                self.rows.append((*places[0], content))
            else:
                lines = content.splitlines(keepends=True)
                expect(
                    places and len(places) == len(lines),
                    f"{self.name}: found a block without a place, “{lines[0].strip()}”; expected a path in its first line, or above"
                    " it [`File.swift`](../Sources/File.swift), before `the line it goes before`, once a line of the block")
                self.rows += [(*place, line) for place, line in zip(places, lines)]

    def applied(self, contents):
        """Lays files and rows over the contents of the repository."""
        for path, content in self.files.items():
            expect(path not in contents, f"{self.name}: found {path}, which the repository has; expected a new file, rename it")
            contents[path] = content.encode()
        for path, anchor, row in self.rows:
            expect(path in contents, f"{self.name}: found the name {path}; expected a file of the repository, mend the link")
            lines = contents[path].decode().splitlines(keepends=True)
            found = [i for i, line in enumerate(lines) if line.lstrip().startswith(anchor)]
            expect(
                len(found) == 1,
                f"{self.name}: found {len(found)} lines of {path} that begin with {anchor}; expected one, name another line")
            margin = re.match(r" *", lines[found[0]])[0]
            lines[found[0]:found[0]] = [margin + line for line in row.splitlines(keepends=True)]
            contents[path] = "".join(lines).encode()


def written(contents, folder):
    """Makes a folder hold these files and no others, and leaves alone those that it has, what was built from them, and links."""
    for path, content in contents.items():
        file = folder / path
        if file.is_file() and file.read_bytes() == content:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if os.access(ROOT / path, os.X_OK) and (ROOT / path).is_file():
            file.chmod(0o755)
    for place, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for name in files:
            path = Path(place, name)
            if str(path.relative_to(folder)) not in contents and name != "Package.resolved":
                path.unlink()


def picture(path, height, width, seed):
    """A grey PNG of 8 bits: a slope and a disc."""
    rows = b""
    for i in range(height):
        rows += b"\0" + bytes(200 if (i - 20) ** 2 + (j - 15 - seed) ** 2 < 90 else 2 * i + j for j in range(width))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def codes(path, count, columns):
    """Sparse rows in NumPy's format."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({count}, {columns}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    numbers = [1.0 if (7 * i) % 10 == 0 else 0.0 for i in range(count * columns)]
    start = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()
    path.write_bytes(start + struct.pack(f"<{len(numbers)}d", *numbers))


def made(path):
    expect(path.is_file() and path.stat().st_size > 0, f"{path.name}: found no such file; expected the command to write it")


def quoted(row):
    return re.search(r'"([^"]+)"', row)[1]


def linted(pages, copy, family):
    names = [copy / name for page in pages for name in [*page.files, *(row[0] for row in page.rows)]]
    names += [family / name for page in pages for name in page.package]
    lint = [SWIFT, "format", "lint", "--strict", "--configuration", copy / ".swift-format"]
    run("lint of what the pages add", [*lint, *dict.fromkeys(names)], copy)


def checked_package(pages, copy, files):
    """The package with what the pages add to it."""
    run("build of the package and its tests", [SWIFT, "build", "--build-tests"], copy)
    tests = [content for page in pages for name, content in page.files.items() if name.startswith("Tests/")]
    suites = [name for content in tests for name in re.findall(r"@Suite struct (\w+)", content)] + ["UseTests"]
    told = run(f"tests: {', '.join(suites)}", [SWIFT, "test", "--skip-build", "--filter", rf"\.({'|'.join(suites)})/"], copy)
    for suite in suites:
        expect(f"Suite {suite} passed" in told, f"{suite}: found no word that it passed; expected its tests to run, see its page")

    unfold = copy / ".build/debug/unfold"
    items = []
    for subject in ["operators", "gradients", "theory"]:
        answer = run(f"unfold check {subject}", [unfold, "check", subject, "--json", "-"], files)
        items += json.loads(answer)["items"]
    for page in pages:
        for path, _, row in page.rows:
            if path.startswith("Sources/Checks/"):
                found = [item for item in items if re.search(rf"(^|\s){re.escape(quoted(row))}($|[,:])", item["name"])]
                expect(found, f"{page.name}: found no check named “{quoted(row)}”; expected one of its row in {path}")
                bad = [item["name"] for item in found if not item["ok"]]
                expect(not bad, f"{page.name}: found that “{(bad or [''])[0]}” exceeds its tolerance; expected it to hold")
                print(f"           {len(found)} of “{quoted(row)}” hold")

    listed = run("unfold methods", [unfold, "methods"], files)
    has = re.search(r"^\W*momentum-ista\s", listed, re.M)
    expect(has, "unfold methods: found no momentum-ista; expected it, see AddANetwork.md")
    size, weights = ["--rows", "20", "--columns", "40"], files / "momentum-ista.safetensors"
    problem, method = "sparse-recovery", "momentum-ista"
    train = [unfold, "train", problem, method, *size, "--depth", "3", "--steps", "6", "-o", weights, "--quiet"]
    run("unfold train sparse-recovery momentum-ista", train, files)
    made(weights)
    run("unfold evaluate sparse-recovery momentum-ista", [unfold, "evaluate", problem, method, *size, "--weights", weights], files)
    codes(files / "codes.npy", 3, 40)
    run("unfold simulate sparse-recovery", [unfold, "simulate", problem, "codes.npy", *size, "-o", "codes.h5"], files)
    reconstruct = [unfold, "reconstruct", problem, method, "codes.h5", "--weights", weights, "-o", "found.npy"]
    run("unfold reconstruct sparse-recovery momentum-ista", reconstruct, files)
    made(files / "found.npy")


def checked_family(folder, files):
    """The package of the page on families."""
    run("build of the family's package", [SWIFT, "build"], folder)
    program, name = folder / ".build/debug/deblurring", "deblurring"
    for command in ["simulate", "train", "reconstruct", "evaluate"]:
        told = run(f"deblurring {command} deblurring --help", [program, command, name, "--help"], files, quiet=True)
        expect("--sigma" in told or command == "reconstruct", f"{command} --help: found no --sigma; expected it, see AddAFamily.md")
    images = files / "images"
    images.mkdir()
    for k in range(3):
        picture(images / f"{k}.png", 40, 36, k)
    run("deblurring simulate", [program, "simulate", name, images / "0.png", "--sigma", "1.5", "-o", "blurred.h5"], files)
    run("deblurring reconstruct adjoint", [program, "reconstruct", name, "adjoint", "blurred.h5", "-o", "sharp.png"], files)
    made(files / "sharp.png")
    network, weights = "ista-net-plus", files / "deblurring.safetensors"
    run("deblurring evaluate adjoint", [program, "evaluate", name, "adjoint", "--images", images], files)
    small = ["--crop", "16", "--depth", "2", "--channels", "4", "--steps", "3", "--quiet"]
    run("deblurring train ista-net-plus", [program, "train", name, network, "--images", images, *small, "-o", weights], files)
    made(weights)
    evaluate = [program, "evaluate", name, network, "--images", images, "--weights", weights, "--json", "-"]
    expect("psnr" in run("deblurring evaluate ista-net-plus", evaluate, files), "evaluate: found no PSNR; expected one an image")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="folder of the copy, kept and used again (default: a temporary one)")
    given = parser.parse_args().folder
    folder = (given or Path(tempfile.mkdtemp(prefix="unfold-pages-"))).resolve()
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        mark = folder / ".pages"
        folder.mkdir(parents=True, exist_ok=True)
        fresh = mark.exists() or not any(folder.iterdir())
        expect(fresh, f"{folder}: found files of another origin; expected an empty folder or one of this script, choose another")
        mark.touch()
        listed = run("git ls-files", ["git", "ls-files", "-z"], ROOT, quiet=True, advice="use a git checkout")
        contents = {name: (ROOT / name).read_bytes() for name in listed.split("\0") if (ROOT / name).is_file()}
        pages = [Page(name) for name in PAGES]
        tests, package = USE, {}
        for page in pages:
            page.applied(contents)
            package |= page.package
            for use in page.uses:
                name = Path(page.name).stem
                body = "".join("    " + line for line in use.splitlines(keepends=True))
                tests += f"  @Test func {name[0].lower() + name[1:]}() {{\n{body}    #expect(x.shape == [64])\n  }}\n"
        contents["Tests/AlgorithmsTests/UseTests.swift"] = (tests + "}\n").encode()
        copy, family, files = folder / "Unfold", folder / "Deblurring", folder / "files"
        written(contents, copy)
        written({name: content.encode() for name, content in package.items()}, family)
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        step(f"copy of {len(contents)} files, {len(pages)} pages applied", start)
        linted(pages, copy, family)
        checked_package(pages, copy, files)
        checked_family(family, files)
        step("in all: the pages hold", start)
    except Failure as failure:
        sys.exit(f"{failure} (--folder DIR keeps the copy)" if given is None else str(failure))
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


main()
