"""Build the course's site from its executed notebooks: `python tools/book.py [FOLDER]`; `make site` runs it.

The notebooks are not executed again. Their pictures become files with their text alternatives, their
explorers become sliders over frames (see tools/frames.py), and Sphinx makes the pages. Neither this nor a
page needs a network.
"""

import argparse
import base64
import hashlib
import html
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from links import launch_addresses, stated
from PIL import Image
from twins import ROOT, NotebookError, hash_makers, refuse, sources, state

BUILD = ROOT / "build"
SITE = BUILD / "site"
AT_ONCE = 2


class BookError(Exception):
    """The book cannot be built; the message says why and what to do."""


def draw_frames(source):
    """Draw a chapter's frames into `build/frames`, unless nothing that they are made of has changed.

    Returns:
        (Path of the folder, list of dicts as `frames.draw` returns).
    """
    folder = BUILD / "frames" / source.stem
    stamp, made_from = folder / "made-from", hash_makers(source) + _hash_of("frames.py")
    if not stamp.is_file() or stamp.read_text() != made_from:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"{source.stem}: drawing the explorers\n", end="", flush=True)  # one write, from either thread
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        command = [sys.executable, "tools/frames.py", source.stem, str(folder)]
        run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        if run.returncode:
            raise BookError(f"the explorers of {source.stem} cannot be drawn:\n{run.stdout}{run.stderr}")
        stamp.write_text(made_from)
    return folder, json.loads((folder / "frames.json").read_text(encoding="utf-8"))


def _hash_of(name):
    return hashlib.sha256((ROOT / "tools" / name).read_bytes()).hexdigest()


class Chapter:
    """One chapter on its way into the book.

    Args:
        source: the chapter's `.py`.
        stage: the folder that Sphinx reads.
        frames: (folder, pages) as `draw_frames` returns.
    """

    def __init__(self, source, stage, frames):
        self.source, self.stage = source, stage
        self.links = launch_addresses(stated(), source.stem)
        self.frames_folder, pages = frames
        self.explorers = iter(enumerate(pages))

    def write(self):
        """Write the notebook as the book shows it."""
        notebook = nbformat.read(self.source.with_suffix(".ipynb"), as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                if cell.source.startswith("# Set-up."):
                    cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
                cell.outputs = [self._shown(output) for output in cell.outputs]
        if list(self.explorers):
            raise self._differs()
        folder = self.stage / "notebooks"
        folder.mkdir(exist_ok=True)
        nbformat.write(notebook, folder / f"{self.source.stem}.ipynb")

    def _shown(self, output):
        data = output.get("data", {})
        if "image/png" in data:
            png = base64.b64decode(data["image/png"])
            alt = output.metadata["image/png"]["alt"]
            moves = data["text/plain"].startswith("[explorer]")
            shown = self._explorer(png, data["text/plain"]) if moves else self._picture(png, alt)
            output.data = nbformat.from_dict({"text/html": shown})
        return output

    def _differs(self):
        return BookError(f"{self.source.stem}.ipynb shows other explorers than its .py: run `make notebooks`")

    def _picture(self, png, alt):
        name = f"pictures/{hashlib.sha256(png).hexdigest()[:16]}.png"
        path = self.stage / "static" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png)
        width, height = Image.open(io.BytesIO(png)).size
        size = f'width="{width}" height="{height}" loading="lazy"'
        return f'<img src="../_static/{name}" alt="{html.escape(alt)}" {size}>'

    def _explorer(self, png, text):
        """The figure of one explorer; explorer.js moves it."""
        number, page = next(self.explorers, (None, None))
        if page is None or not text.startswith(f"[explorer] {page['title']}: "):
            raise self._differs()
        where = f"frames/{self.source.stem}/{number}"
        shutil.copytree(self.frames_folder / str(number), self.stage / "static" / where)
        name, title = f"explorer-{self.source.stem}-{number}", html.escape(page["title"])
        controls = "".join(_control(f"{name}-{i}", control) for i, control in enumerate(page["controls"]))
        return (
            f'<figure class="explorer" id="{name}" data-frames="../_static/{where}/">'
            f'<div class="explorer-controls" role="group" aria-label="Controls: {title}">{controls}</div>'
            f'<div class="explorer-picture" role="group" aria-label="Picture: {title}" tabindex="0">'
            f"{self._picture(png, page['alt'])}</div>"
            f"<figcaption>{html.escape(page['alt'])} {self._how_to_run(page)}</figcaption></figure>"
        )

    def _how_to_run(self, page):
        places = " or ".join(f'<a href="{self.links[site]}">{site}</a>' for site in ("Colab", "Binder"))
        others = html.escape(", ".join(dict.fromkeys(page["left_out"])))
        rest = f"To move the others too ({others})" if others else "To move it between these settings"
        return (
            f"<span>Here the pictures are drawn beforehand. {rest}, open this chapter on {places}, or run "
            "<code>make lab</code>.</span>"
        )


def _control(identity, control):
    """A label with a slider, or with a menu, over the places of a control's values."""
    start, labels = control["start"], [html.escape(str(text)) for text in control["labels"]]
    label = f'<label for="{identity}">{html.escape(control["label"])}</label>'
    if control["kind"] == "menu":
        chosen = ["", " selected"]
        options = (
            f'<option value="{i}"{chosen[i == start]}>{text}</option>' for i, text in enumerate(labels)
        )
        return f'{label}<select id="{identity}" autocomplete="off">{"".join(options)}</select>'
    return (
        f'{label}<input type="range" id="{identity}" min="0" max="{len(labels) - 1}" value="{start}" '
        f'autocomplete="off" aria-valuetext="{labels[start]}" '
        f'data-labels="{html.escape(json.dumps(control["labels"]))}">'
        f'<output for="{identity}">{labels[start]}</output>'
    )


def stage_pages(stage):
    """Lay out, in a new folder, all that Sphinx reads."""
    shutil.copytree(ROOT / "docs" / "site", stage)
    shutil.copy(ROOT / "README.md", stage)
    shutil.copy(ROOT / "docs" / "class.md", stage)
    chapters = sources()
    listed = "\n".join(f"notebooks/{source.stem}" for source in chapters)
    index = stage / "index.md"
    index.write_text(index.read_text(encoding="utf-8").replace("CHAPTERS", listed), encoding="utf-8")
    with ThreadPoolExecutor(AT_ONCE) as turns:
        for source, frames in zip(chapters, turns.map(draw_frames, chapters), strict=True):
            Chapter(source, stage, frames).write()


def build(stage, doctrees, folder):
    """Let Sphinx make the pages; a warning is an error."""
    env = os.environ | {"COURSE_REPOSITORY": f"https://github.com/{stated()}"}
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env", "--builder", "html"]
    command = [sys.executable, "-m", "sphinx", *options, "--doctree-dir", doctrees, stage, folder]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    if run.returncode:
        raise BookError(f"Sphinx did not make the pages:\n{run.stdout}{run.stderr}")


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="build the site from the executed notebooks")
    parser.add_argument("folder", nargs="?", type=Path, default=SITE)
    options = parser.parse_args(arguments)
    try:
        states = {source: state(source) for source in sources()}
        refuse([source for source, how in states.items() if how == "edited"])
        if missing := [source.stem for source, how in states.items() if how == "missing"]:
            raise BookError(f"not executed yet: {', '.join(missing)}: run `make notebooks`")
        for source, how in states.items():
            if how == "stale":
                print(f"note: {source.stem}.ipynb is older than its sources: `make notebooks` renews it")
        if options.folder == SITE:
            shutil.rmtree(SITE, ignore_errors=True)  # Sphinx leaves what is no longer there
        with tempfile.TemporaryDirectory() as stage:
            stage_pages(Path(stage, "pages"))
            build(Path(stage, "pages"), Path(stage, "doctrees"), options.folder)
    except (BookError, NotebookError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"the site is in {options.folder}: open {options.folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
