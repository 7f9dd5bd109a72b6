"""Build the book, static pages of the executed notebooks: `python tools/book.py [NN ...]`, `make book`.

The notebooks are not executed again. Their pictures become files with their text alternatives, their
explorers become sliders over frames (see tools/frames.py), and Sphinx makes the pages. Neither this nor a
page needs a network.
"""

import argparse
import base64
import hashlib
import html
import io
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from PIL import Image

import figures
import frames
from links import stated
from notebooks import AT_ONCE, ROOT, NotebookError, sources, states

BOOK = ROOT / "build" / "book"


class Chapter:
    """One chapter on its way into the book.

    Args:
        source: the chapter's `.py`.
        stage: the folder that Sphinx reads; the explorers' frames lie in `stage/static`.
        pages: list of dicts as `frames.draw` returns, one per explorer; None leaves the explorers pictures.
    """

    def __init__(self, source, stage, pages):
        self.source, self.stage = source, stage
        self.notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
        self.links = dict(re.findall(r"\[(Colab|Binder)\]\((\S+)\)", self.notebook.cells[0].source))
        self.explorers = None if pages is None else iter(pages)
        self.differs = f"{source.stem}.ipynb shows other explorers than its .py: run `make notebooks`"

    def write(self):
        """Write the notebook as the book shows it."""
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                if cell.metadata.get("jupyter", {}).get("source_hidden"):
                    cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
                for output in cell.outputs:
                    if "image/png" in output.get("data", {}):
                        output.data = nbformat.from_dict({"text/html": self._shown(output)})
        if list(self.explorers or ()):
            raise NotebookError(self.differs)
        folder = self.stage / "notebooks"
        folder.mkdir(exist_ok=True)
        nbformat.write(self.notebook, folder / f"{self.source.stem}.ipynb")

    def _shown(self, output):
        png, text = base64.b64decode(output.data["image/png"]), output.data.get("text/plain", "")
        if self.explorers and text.startswith("[explorer]"):
            return self._explorer(text)
        return self._picture(png, **output.metadata["image/png"])

    def _picture(self, png, alt, **size):
        name = f"pictures/{hashlib.sha256(png).hexdigest()[:16]}.png"
        path = self.stage / "static" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png)
        size = size or dict(zip(("width", "height"), Image.open(io.BytesIO(png)).size, strict=True))
        size = " ".join(f'{side}="{pixels}"' for side, pixels in size.items())
        return f'<img src="../_static/{name}" alt="{html.escape(alt)}" {size} loading="lazy">'

    def _explorer(self, text):
        page = next(self.explorers, None)
        if page is None or not text.startswith(f"[explorer] {page['title']}: "):
            raise NotebookError(self.differs)
        return figures.figure(page, "../", self.links)


def write_pages(stage, moving):
    """Lay out, in a new folder, all that Sphinx reads; the explorers of the chapters `moving` get frames."""
    shutil.copytree(ROOT / "docs", stage)
    shutil.copy(ROOT / "README.md", stage)
    listed = "\n".join(f"notebooks/{source.stem}" for source in sources())
    index = stage / "index.md"
    index.write_text(index.read_text(encoding="utf-8").replace("CHAPTERS", listed), encoding="utf-8")
    print("Drawing the explorers", flush=True)
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as turns:
        drawn = {
            source: turns.submit(frames.draw_chapter, source.stem, stage / "static") for source in moving
        }
        for source in sources():
            Chapter(source, stage, drawn[source].result() if source in drawn else None).write()


def make_pages(stage, doctrees, folder):
    """Let Sphinx make the pages; a warning is an error."""
    env = os.environ | {"COURSE_REPOSITORY": f"https://github.com/{stated()}"}
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env", "--builder", "html"]
    command = [sys.executable, "-m", "sphinx", *options, "--doctree-dir", doctrees, stage, folder]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    if run.returncode:
        raise NotebookError(f"Sphinx did not make the pages:\n{run.stdout}{run.stderr}")


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="build the book from the executed notebooks")
    parser.add_argument("chapters", nargs="*", help="draw only the explorers of these; all by default")
    parser.add_argument("--output", type=Path, default=BOOK, metavar="FOLDER", help="default: build/book")
    options = parser.parse_args(arguments)
    try:
        moving = sources(options.chapters)
        for source, how in states(sources()).items():
            if how == "missing":
                raise NotebookError(f"{source.stem}.ipynb is not made yet: run `make notebooks`")
            if how == "stale":
                print(f"note: {source.stem}.ipynb is older than its .py: `make notebooks` renews it")
        if options.output == BOOK:
            shutil.rmtree(BOOK, ignore_errors=True)  # Sphinx leaves what is no longer there
        with tempfile.TemporaryDirectory() as folder:
            write_pages(Path(folder, "pages"), moving)
            make_pages(Path(folder, "pages"), Path(folder, "doctrees"), options.output)
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"the book is in {options.output}: open {options.output / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
