"""A page of coloured characters: HTML for a front end, and artists for a picture where there is none."""

import re
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex

from course.explorers.characters import BREAK, visible
from course.plots.texts import Texts

ACROSS = 74  # characters in a line of the picture
CSS = (Path(__file__).parent / "browser" / "page.css").read_text(encoding="utf-8")


def wrapped(title, content):
    """A whole page: one element with the style that it needs; title and content are HTML."""
    above = f'<style>{CSS}</style><div class="title">{title}</div>'
    return f'<div class="course-text">{above}{content}</div>'


def shades(cmap, values):
    """Colours "#rrggbb" of values from 0 to 1, a list."""
    return [to_hex(colour) for colour in cmap(np.asarray(values, dtype=float))]


def character(sign):
    """HTML of a character in running text; a line break has a sign that can be pointed at."""
    return f"{BREAK}\n" if sign == "\n" else escape(sign)


def boxed(signs):
    """HTML of a few characters in a box: quotation marks around them would be read with them."""
    return f'<code class="sign">{escape(visible(signs))}</code>'


def bars(pairs, width=90):
    """HTML of bars for pairs (character, probability); width: pixels of a bar for 1."""
    return "".join(
        f"<i><code>{escape(visible(sign))}</code><b style=width:{width * p:.0f}px></b>{percent(p)}</i>"
        for sign, p in pairs
    )


def percent(chance):
    """HTML of a probability in per cent, with as few digits as tell it."""
    if chance < 0.0005:
        return "&lt; 0.1 %"
    return f"{100 * chance:.1f} %" if chance < 0.0995 else f"{100 * chance:.0f} %"


def level(value):
    """HTML of a bar that is full for 1 and empty for 0."""
    return f'<span class="bar"><b style=width:{100 * value:.0f}%></b></span>'


def scale(cmap, low, high):
    """HTML of a colour scale between the names of its two ends."""
    colours = ", ".join(shades(cmap, np.linspace(0, 1, 7)))
    return f'{low} <span class="bar" style="background:linear-gradient(90deg, {colours})"></span> {high}'


def places(text):
    """Row and column, (T,) each, of a text's characters in lines that break between words."""
    rows, columns, row, column = [], [], 0, 0
    for word in re.findall(r"\s|\S+", text):
        if column and not word.isspace() and column + len(word) > ACROSS:
            row, column = row + 1, 0
        rows += [row] * len(word)
        columns += range(column, column + len(word))
        row, column = (row + 1, 0) if word == "\n" else (row, column + len(word))
    return np.array(rows, dtype=int), np.array(columns, dtype=int)


def build(axes, lines, cmap, low, high, size=9.5):
    """Artists for a page of so many lines: coloured cells, and letters of this size in points on them."""
    axes.set_axis_off()
    cells = axes.imshow(np.full((lines, ACROSS), np.nan), cmap=cmap, vmin=low, vmax=high, aspect="auto")
    return {"cells": cells, "letters": axes.add_artist(Texts(size))}


def update(artists, text, values):
    """Show a text, coloured by its values (T,), NaN for none; what is beyond the page is left out."""
    rows, columns = places(text)
    cells = np.full(artists["cells"].get_array().shape, np.nan)
    seen = (rows < len(cells)) & (columns < ACROSS)
    cells[rows[seen], columns[seen]] = np.asarray(values)[seen]
    artists["cells"].set_data(cells)
    letters = np.array(list(text.replace("\n", BREAK)), dtype=object)[seen]
    artists["letters"].set_data(columns[seen], rows[seen], letters)
