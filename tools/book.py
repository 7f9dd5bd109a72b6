"""Build the book, static pages of the executed notebooks: `python tools/book.py [NN ...]`, `make book`.

The notebooks are not executed again. Each section becomes a page (see pages.py), explorers move over frames
drawn beforehand (frames.py), front.py makes the first page, and Sphinx the HTML. No network is needed.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import frames
import front
from course import chapters
from course.cards import CARDS
from links import stated
from notebooks import AT_ONCE, ROOT, NotebookError, sources, states
from pages import Chapter

BOOK = ROOT / "build" / "book"


def write_pages(stage, moving):
    """Lay out, in a new folder, all that Sphinx reads; the explorers of the chapters `moving` get frames."""
    shutil.copytree(ROOT / "docs", stage)
    print("Drawing the explorers", flush=True)
    drawable = [source for source in moving if source.stem in CARDS]
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as turns:
        drawing = {
            source.stem: turns.submit(frames.draw_chapter, source.stem, stage / "static")
            for source in drawable
        }
        titles = {stem: {page["title"]: page for page in turn.result()} for stem, turn in drawing.items()}
    drawn = {title: page for pages in titles.values() for title, page in pages.items()}
    numbered = [Chapter(source, stage, drawn) for source in chapters.paths()]
    play = Chapter(chapters.find("play"), stage, drawn)
    front.write(stage, numbered, play)
    for chapter in (*numbered, play):
        chapter.write()
        if chapter.stem in titles:
            chapter.check(titles[chapter.stem])


def make_pages(stage, doctrees, folder):
    """Let Sphinx make the pages; a warning is an error."""
    env = os.environ | {"COURSE_REPOSITORY": f"https://github.com/{stated()}"}
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env", "--builder", "html"]
    command = [sys.executable, "-m", "sphinx", *options, "--doctree-dir", doctrees, stage, folder]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    if run.returncode:
        raise NotebookError(f"Sphinx did not make the pages:\n{run.stdout}{run.stderr}")
    mathjax = Path(folder, "_static", "mathjax")
    # Ways to set formulas that no page takes.
    for path in (*mathjax.glob("*.js"), mathjax / "output" / "svg"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "tex-chtml.js":
            path.unlink()


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
