"""Puts the notebooks' sources into a built package, since `explorers.play` makes explorers from them.

All else is in pyproject.toml.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithNotebooks(build_py):
    """`course/notebooks` holds the sources where there is no checkout, as on Colab."""

    def run(self):
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "course", "notebooks")
            folder.mkdir(parents=True, exist_ok=True)
            for source in sorted(Path("notebooks").glob("*.py")):
                self.copy_file(str(source), str(folder / source.name))


setup(cmdclass={"build_py": WithNotebooks})
