"""The start page: a card for each chapter, with the learner's progress; `notebooks/start.ipynb` shows it."""

import base64
import html
import os
from pathlib import Path

from course.cards import CARDS, heading

PICTURES = Path(__file__).parent / "pictures"  # NN_name.png, made by tools/pictures.py
COLAB = "https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/"
KAGGLE = "https://kaggle.com/kernels/welcome?src=https://github.com/from-formula-to-model/course/blob/main/notebooks/"
ALTS = {
    "00_foundations": "Paths of three optimisers on a map of the loss: they cross a valley to its bottom.",
    "01_cnn": "A handwritten 0 with a small window on it, and the output, its edges in two colours.",
    "02_rnn": "A page of a novel, coloured by one memory cell of a network: it follows quotations.",
    "03_attention": "Arcs from the letters of a Russian date to the digits that a network writes for it.",
    "04_vae": "Forty digits decoded from a grid of codes; each turns into its neighbours step by step.",
    "05_gan": "Eight places in a ring: one generator has found them all, another is lost between them.",
}
BLUE = "#0072B2"
EDGE = "1px solid rgba(128, 128, 128, 0.5)"
# Styles that JupyterLab leaves in an output that it does not trust yet: no classes, no `aria` attributes.
COLUMN = "display: flex; flex-direction: column"
CARD = f"flex: 1 1 256px; max-width: 340px; {COLUMN}; border: {EDGE}; border-radius: 8px; overflow: hidden"
PICTURE = "display: block; width: 100%; height: auto; margin: 0; background: #ffffff"
BUTTON = (
    f"display: inline-block; padding: 10px 20px; border-radius: 6px; border: 2px solid {BLUE}; "
    "font-weight: bold; text-decoration: none"
)
MAIN = f"{BUTTON}; background: {BLUE}; color: #ffffff"
WHOLE = "display: flex; flex-wrap: wrap; gap: 18px; max-width: 1060px"
HEADING = "margin: 0 0 6px; padding: 0; border: 0; font-size: 16px; line-height: 1.3; font-weight: bold"
BODY = f"{COLUMN}; flex-grow: 1; padding: 12px 14px 14px"


class Page:
    """The cards of all chapters, as a notebook shows them.

    Args:
        progress: what the learner has solved, a `course.progress.Progress`.
        place: what stands before the name of a notebook in a link; nothing for one beside this page.
    """

    def __init__(self, progress, place=""):
        self.place = place
        self.solved, self.tried, self.there_are = (dict.fromkeys(CARDS, 0) for _ in range(3))
        for item in progress.items:
            if item.chapter in CARDS:
                self.there_are[item.chapter] += 1
                self.solved[item.chapter] += item.status == "solved"
                self.tried[item.chapter] += item.status != "not yet tried"

    def __repr__(self):
        lines = [f"{heading(name)} · {card.question} {card.times}" for name, card in CARDS.items()]
        return "\n".join(["[start page] The chapters:", *lines])

    def _repr_html_(self):
        begun = any(self.tried.values())
        first = self._next()
        says = f"{'Go on with' if begun else 'Begin with'} chapter {int(first[:2])} →"
        cards = "".join(map(self._card, CARDS))
        return (
            f'<p style="margin: 0 0 20px"><a style="{MAIN}" href="{self._link(first)}">{says}</a> &nbsp; '
            f'<a style="{BUTTON}" href="{self._link("play")}">Play with all explorers</a></p>'
            f'<div style="{WHOLE}">{cards}</div>'
        )

    def _next(self):
        """The first chapter that is begun and not finished, else the first that is not begun."""
        unfinished = [name for name in CARDS if self.solved[name] < self.there_are[name]] or list(CARDS)
        return next((name for name in unfinished if self.tried[name]), unfinished[0])

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _card(self, name):
        card, link = CARDS[name], self._link(name)
        picture = base64.b64encode((PICTURES / f"{name}.png").read_bytes()).decode("ascii")
        image = (
            f'<img src="data:image/png;base64,{picture}" alt="{html.escape(ALTS[name])}" width="340" '
            f'style="{PICTURE}">'
        )
        times = card.times.replace(" ", "&nbsp;").replace("&nbsp;·", " ·").replace("·&nbsp;", "· ")
        return (
            f'<div style="{CARD}"><a href="{link}">{image}</a><div style="{BODY}">'
            f'<h2 style="{HEADING}"><a href="{link}">{html.escape(heading(name))}</a></h2>'
            f'<p style="flex-grow: 1; margin: 0 0 8px; line-height: 1.4">{html.escape(card.question)}</p>'
            f'<p style="margin: 0 0 8px; font-size: 13px; line-height: 1.4">{times}</p>'
            f"{self._standing(name)}</div></div>"
        )

    def _standing(self, name):
        """How many of a chapter's exercises are solved, in words and as a bar."""
        solved, there_are = self.solved[name], self.there_are[name]
        share = 100 * solved // max(there_are, 1)
        inner = f'<div style="width: {share}%; height: 8px; background: {BLUE}"></div>'
        said = f"{'✓ ' if solved == there_are else ''}{solved} of {there_are} exercises solved"
        bar = f"height: 8px; border: {EDGE}; border-radius: 5px; overflow: hidden; margin: 0 0 5px"
        return f'<div style="{bar}">{inner}</div><p style="margin: 0; font-size: 13px">{said}</p>'

    def _link(self, name):
        return f"{self.place}{name}.ipynb"


def page():
    """The start page with the present progress; its links fit where it is shown, a `Page`."""
    from course import exercises  # imports PyTorch

    place = COLAB if "COLAB_RELEASE_TAG" in os.environ else ""
    return Page(exercises.progress(), KAGGLE if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else place)
