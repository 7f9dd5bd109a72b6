"""A notebook as pages of the book: one for each section, as a reader without a kernel wants to see it."""

import base64
import hashlib
import html
import io
import re

import nbformat
from PIL import Image

import figures
from course.cards import CARDS
from links import stated
from notebooks import NotebookError

BLOCK = re.compile(r'(<div class="course-(?:exercise|prediction)")[^>]*>\s*^(#+ .*)$', re.MULTILINE)
LINE = re.compile(r"^#{3,} ", re.MULTILINE)
QUESTION = re.compile(r"^\*\*(.+?)\*\* ", re.DOTALL)
CONTINUED = ("Go further", "Sources")  # sections too short for a page: they stay on the one before


class Chapter:
    """One notebook on its way into the book.

    Args:
        source: its `.py`.
        stage: the folder that Sphinx reads; the explorers' frames lie in `stage/static`.
        drawn: dict of an explorer's title to what `frames.draw` returns; the others stay pictures.
    Attributes:
        pages: dict of a page's name, "01_cnn" (the opening) or "01_cnn/pooling", to its cells.
    """

    def __init__(self, source, stage, drawn):
        self.stem, self.stage, self.drawn, self.shown = source.stem, stage, drawn, set()
        cells = nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells
        self.links = {
            "Colab": f"https://colab.research.google.com/github/{stated()}/blob/main/notebooks/{self.stem}.ipynb",
            "Binder": f"https://mybinder.org/v2/gh/{stated()}/HEAD?urlpath=lab/tree/my/{self.stem}.ipynb",
        }
        self.pages = {self.stem: cells} if self.stem == "play" else self._cut(cells)

    def _cut(self, cells):
        """A page for each `## ` heading but those of `CONTINUED`; its own headings go up a level."""
        pages = {self.stem: []}
        for cell in cells:
            if cell.cell_type != "markdown":
                next(reversed(pages.values())).append(cell)
                continue
            first, *sections = re.split(r"^## ", cell.source, flags=re.MULTILINE)
            for i, text in enumerate((first, *sections)):
                if i and text.startswith(CONTINUED):
                    text = f"## {text}"
                elif i:
                    pages[f"{self.stem}/{_slug(text)}"] = []
                    text = f"# {text}"
                if text.strip():
                    text = LINE.sub(lambda found: found[0][1:], text)
                    next(reversed(pages.values())).append(nbformat.v4.new_markdown_cell(text))
        return pages

    def title(self, page):
        """A page's heading, as its author wrote it."""
        return self.pages[page][0].source.partition("\n")[0].removeprefix("# ")

    def write(self):
        """Write the pages as the book shows them."""
        for page, cells in self.pages.items():
            root = "../" * (page.count("/") + 1)
            shown = [cell for cell in cells if self._dress(cell, root)]
            if page == self.stem and len(self.pages) > 1:
                shown.append(nbformat.v4.new_markdown_cell(self._contents()))
            path = self.stage / "notebooks" / f"{page}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            notebook = nbformat.v4.new_notebook(cells=shown, metadata={"language_info": {"name": "python"}})
            nbformat.write(notebook, path)

    def _contents(self):
        sections = "\n".join(page for page in self.pages if page != self.stem)
        times = CARDS[self.stem].times if self.stem in CARDS else ""
        return f"## Sections\n\n{times}\n\n```{{toctree}}\n:maxdepth: 1\n\n{sections}\n```"

    def _dress(self, cell, root):
        """Make a cell one of the book; returns whether it is shown at all."""
        if cell.cell_type == "markdown":
            # A heading within HTML would be none for Sphinx: it goes in front, and book.css joins the two.
            cell.source = BLOCK.sub(r"\2\n\n\1>", cell.source)
            if self.stem == "play":
                cell.source = QUESTION.sub(lambda found: f"### {' '.join(found[1].split())}\n\n", cell.source)
            return True
        tags = cell.metadata.setdefault("tags", [])
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden") or self.stem == "play"
        if hidden and not cell.outputs:
            return False
        cell.metadata.tags = [*tags, *["remove-input"] * bool(hidden), *["hide-output"] * ("result" in tags)]
        for output in cell.outputs:
            if shown := self._html(cell, output, root):
                output.data = nbformat.from_dict({"text/html": shown})
        return True

    def _html(self, cell, output, root):
        """What stands in an output's place; None leaves it."""
        data = output.get("data", {})
        text = data.get("text/plain", "")
        if "Not attempted yet" in text:
            return f'<p class="solve"><a href="{self.links["Colab"]}">Solve this in Colab</a></p>'
        if text.startswith("[diagram]"):
            drawing = base64.b64decode(re.search(r'base64,([^"]+)', data["text/html"])[1])
            return picture(self.stage, root, drawing, "svg", **output.metadata["image/png"])
        if "image/png" not in data:
            return None
        png = base64.b64decode(data["image/png"])
        still = picture(self.stage, root, png, "png", **output.metadata["image/png"])
        if not text.startswith("[explorer] "):
            return still
        title = text.removeprefix("[explorer] ").partition(": ")[0]
        self.shown.add(title)
        if title in self.drawn:
            return figures.figure(self.drawn[title], root, self.links)
        named = re.search(r'explorers\.play\("(.+)"\)', cell.source)
        return f'<div id="{figures.identity_of(named[1])}">{still}</div>' if named else still

    def check(self, titles):
        """See that it shows the explorers of these titles.

        Raises:
            NotebookError: it shows others.
        """
        if self.shown != set(titles):
            raise NotebookError(f"{self.stem}.ipynb shows other explorers than its .py: run `make notebooks`")


def _slug(text):
    """A section's name in an address: its heading, the first line, without its number."""
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"^\d+ ", "", text.partition("\n")[0]).lower()))


def picture(stage, root, content, kind, alt, **size):
    """Keep a picture as a file, and return the HTML that shows it.

    Args:
        stage: Path of the folder that Sphinx reads.
        root: from the page that shows it to the book's first page: "", "../", "../../".
        content: the file's bytes.
        kind: "png" or "svg".
        alt: the text alternative.
        size: width and height, in the page's pixels; by default the file's own.
    """
    name = f"pictures/{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    path = stage / "static" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    size = size or dict(zip(("width", "height"), Image.open(io.BytesIO(content)).size, strict=True))
    size = " ".join(f'{side}="{pixels}"' for side, pixels in size.items())
    return f'<img src="{root}_static/{name}" alt="{html.escape(alt)}" {size} loading="lazy">'
