# SPDX-License-Identifier: Apache-2.0
"""Builds the library with Swift where it is not there yet; one wheel serves every version of Python."""

import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

here = Path(__file__).resolve().parent
library = here / "unfoldnet" / "libunfoldnet.so"


class Build(build_py):
    def run(self) -> None:
        if not library.exists():
            script = here.parent / "Scripts" / "library.sh"
            if not script.exists() or not shutil.which("swift"):
                raise SystemExit("found no Swift; expected Swift 6.3 on the PATH in a checkout of Unfold, or a wheel")
            subprocess.run([str(script), str(library.parent)], check=True)
        super().run()


class Wheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


class Binary(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": Build, "bdist_wheel": Wheel}, distclass=Binary)
