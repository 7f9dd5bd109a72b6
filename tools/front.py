"""The book's own pages: what stands on the front page, the terms, all diagrams."""

import base64
import html
import io
import re

from PIL import Image

import figures
import pages
from course.cards import CARDS, heading
from course.plots import diagrams
from course.start import PICTURES
from notebooks import ROOT, NotebookError


def write(stage, chapters, play):
    """Fill in `stage/index.md`, and write the pages of terms and of diagrams.

    Args:
        stage: Path of the folder that Sphinx reads.
        chapters: list of `pages.Chapter`, in their order, not yet written.
        play: the `pages.Chapter` with all explorers, not yet written.
    """
    guides = sorted(path.stem for path in stage.glob("*.md") if path.stem not in ("index", "README"))
    (stage / "terms.md").write_text(terms(chapters), encoding="utf-8")
    (stage / "diagrams.md").write_text(all_diagrams(stage), encoding="utf-8")
    start = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Start\n")[2]
    index = (stage / "index.md").read_text(encoding="utf-8")
    parts = {
        "HERO": hero(stage, chapters, play),
        "CARDS": "".join(card(stage, chapter.stem) for chapter in chapters if chapter.stem in CARDS),
        "GALLERY": gallery(stage, play),
        "START": start.partition("\n## ")[0].replace("](docs/", "]("),
        "CHAPTERS": "\n".join(f"notebooks/{chapter.stem}" for chapter in chapters),
        "GUIDES": "\n".join(guides),
    }
    for name, text in parts.items():
        index = index.replace(f"({name})", text)
    (stage / "index.md").write_text(index, encoding="utf-8")


def explorers(play):
    """The explorers of the page that has them all: (name, question, still picture as PNG) of each."""
    question = ""
    for cell in play.pages["play"]:
        if cell.cell_type == "markdown":
            question = " ".join("".join(re.findall(r"^\*\*(.+?)\*\*", cell.source, re.DOTALL)).split())
        elif named := re.search(r'explorers\.play\("(.+)"\)', cell.source):
            yield named[1], question, base64.b64decode(cell.outputs[-1].data["image/png"])


def hero(stage, chapters, play, name="cnn.sliding_kernel"):
    """The explorer on the front page; its still picture where no frames are drawn."""
    for page in play.drawn.values():
        if page["name"] == name:
            links = next(chapter.links for chapter in chapters if chapter.stem == "01_cnn")
            return figures.figure(page, "", links)
    still, text = next((png, text) for each, text, png in explorers(play) if each == name)
    return pages.picture(stage, "", still, "png", text, width=840, height=400)


def card(stage, stem):
    """A chapter as a picture, a title, its question and its times; one link."""
    content = (PICTURES / f"{stem}.png").read_bytes()
    image, about = pages.picture(stage, "", content, "png", ""), CARDS[stem]
    return (
        f'<a class="card" href="notebooks/{stem}.html">{image}'
        f'<span class="card-title">{html.escape(heading(stem))}</span>'
        f"<span>{html.escape(about.question)}</span>"
        f'<span class="card-times">{html.escape(about.times)}</span></a>'
    )


def gallery(stage, play):
    """Each explorer as a small picture with its question; the link leads to it on the page of all."""
    folder, items = stage / "static" / "gallery", []
    folder.mkdir(parents=True)
    for name, question, png in explorers(play):
        small = Image.open(io.BytesIO(png)).convert("RGB")
        small.thumbnail((560, 560))
        small.save(folder / f"{name}.webp", quality=82)
        items.append(
            f'<a href="notebooks/play.html#{figures.identity_of(name)}">'
            f'<img src="_static/gallery/{name}.webp" alt="" width="{small.width}" height="{small.height}" '
            f'loading="lazy"><span>{html.escape(question)}</span></a>'
        )
    return "".join(items)


def terms(chapters):
    """The page of terms; each place where one is introduced gets an id.

    docs/terms.txt has the words, one a line: as a chapter sets them in bold, or "term = words in bold".

    Raises:
        NotebookError: names the terms that no chapter sets in bold.
    """
    lines = (ROOT / "docs" / "terms.txt").read_text(encoding="utf-8").splitlines()
    wanted = {}  # the words in bold: the term
    for line in filter(None, map(str.strip, lines)):
        term, _, bold = line.partition(" = ")
        wanted[_plain(bold or term)] = term
    places = {}
    for chapter in chapters:
        for page, cells in chapter.pages.items():
            for cell in cells:
                if cell.cell_type == "markdown":
                    cell.source = re.sub(
                        r"\*\*([^*]+)\*\*",
                        lambda found, page=page, chapter=chapter: _marked(
                            found, wanted, places, (chapter, page)
                        ),
                        cell.source,
                    )
    if missing := set(wanted.values()) - places.keys():
        raise NotebookError(f"docs/terms.txt: no chapter sets in bold: {', '.join(sorted(missing))}")
    text = ["# Terms\n\nWhere each of the field's words is introduced."]
    letter = ""
    for term in sorted(places, key=str.casefold):
        if term[0].upper() != letter:
            letter = term[0].upper()
            text.append(f"\n## {letter}\n")
        chapter, page = places[term]
        title = re.sub(r"^\d+ (· )?", "", chapter.title(page))
        link = f'<a href="notebooks/{page}.html#{_identity(term)}">{term}</a>'
        text.append(f"- {link}: chapter {int(chapter.stem[:2])}, {title}")
    return "\n".join(text)


def _marked(found, wanted, places, place):
    """The words in bold, with an id where they are the first of a term."""
    term = wanted.get(_plain(found[1]))
    if term is None or term in places:
        return found[0]
    places[term] = place
    return f'<span class="term" id="{_identity(term)}">{found[0]}</span>'


def _plain(words):
    return " ".join(words.split()).casefold()


def _identity(term):
    return "term-" + "-".join(re.findall(r"\w+", term.casefold()))


def all_diagrams(stage):
    """The page with all diagrams and how a notebook shows them."""
    text = ["# Diagrams\n\nEach one is an SVG file, free to use; the call below it shows it in a notebook."]
    for path in sorted((diagrams.FOLDER / "shown").glob("*.svg")):
        drawing = diagrams.Diagram(path.stem)
        size = {"width": drawing.width, "height": drawing.height}
        image = pages.picture(stage, "", drawing.svg, "svg", drawing.alt, **size)
        words = re.sub(r"\b(lstm|rnn|vae|gan)\b", lambda found: found[0].upper(), path.stem.replace("_", " "))
        words = words[0].upper() + words[1:]
        text.append(f'## {words}\n\n<div class="diagram">{image}</div>\n\n`plots.diagram("{path.stem}")`')
    return "\n\n".join(text)
