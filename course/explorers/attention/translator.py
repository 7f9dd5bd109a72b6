"""Chapter 3's explorer of the translator: what it writes for a date, and where each character looks."""

import html
import json
import re
from base64 import b64encode
from functools import lru_cache, partial

import numpy as np
from matplotlib.collections import LineCollection

from course.explorers.base import Explorer
from course.explorers.characters import BREAK, visible
from course.explorers.controls import field, menu, slider
from course.explorers.parts import arrays, headline, moving, outline
from course.explorers.picture import Picture
from course.explorers.stage import BROWSER
from course.plots import COLOURS
from course.plots.texts import SIGNS, Texts

EXAMPLES = (
    "вторник, 5 января 2021 г.",  # to begin with
    "Tuesday, January 5, 2021",
    "le 5 janvier 2021",
    "2021年1月5日火曜日",
    "February 30, 2021",
    "5 мая 1812 г.",
)
MEAN = 0  # instead of a head's number
WIDTH, HIGH = 800, 150  # pixels of the lines of text, and between them
CELL = 34  # pixels of a character, where there is room
WIDEST = 14  # pixels of the arc of weight 1
LEAST, SEEN = 0.03, 0.005  # weights below are not drawn: of all characters, of the chosen one
FONT = b64encode(SIGNS.read_bytes()).decode("ascii")  # Chinese and Japanese signs
STYLE = (
    f"<style>@font-face {{ font-family: 'Course Signs'; src: url(data:font/otf;base64,{FONT}) }}\n"
    f"{(BROWSER / 'dates.css').read_text(encoding='utf-8')}</style>"
)
ALT = (
    "The characters of a date as it was typed and, below, those that the translator writes, joined by arcs "
    "that are wider where the attention weight is larger; the arcs of the chosen character stand out."
)


def translator(translate):
    """Explore where a trained translator of dates looks while it writes.

    Args:
        translate: the chapter's function (text) -> dict: "source", the str that was read, of T_src characters
            (40 at most); "output", the str that was written, of T_out characters (12 at most); "probs"
            (T_out,), the probability of each; "attn" (L, n_h, T_out, T_src), the cross-attention of each
            decoder layer and head, of which the last layer's is shown. A ValueError (an unknown character,
            say) is shown. It is called once for a text: a model trained further needs a new explorer.
    """
    translate = lru_cache(maxsize=32)(translate)
    first = translate(EXAMPLES[0])
    named = [("mean of all heads", MEAN)]
    named += [(f"head {number}", number) for number in range(1, first["attn"].shape[1] + 1)]
    last = max(2, len(first["output"]))
    controls = {
        "text": field("date to read", EXAMPLES[0], "a date in any of the languages that it was trained on"),
        "position": slider("written character", (1, last), 7, "whose weights are shown, counted from 1"),
        "head": menu("head", named, MEAN, "one head's weights, or their mean over the heads"),
    }
    compute, picture = partial(compute_translator, translate), Picture(build, update, (8.4, 3.0))
    return Explorer(
        "translator", controls, compute, picture, ALT, main=("text", "position"), adjust=bound_position,
        text=page, hint="Click a written character, or an example.",
    )  # fmt: skip


def compute_translator(translate, *, text, head, position):
    """The numbers behind one picture of the translator.

    Args:
        text: what the text field holds.
        head: int from 1, or `MEAN`.
        position: int from 1; beyond the last one the last one counts.
    Returns:
        dict: source, output (strs), probs (T_out,), map (T_out, T_src), position, looks: `most_seen` by it.
    Raises:
        ValueError: for a text without characters to read, and as `translate` does.
    """
    seen = translate(text)
    source, output = seen["source"], seen["output"]
    if not source:
        raise ValueError("The text is empty: type at least one character.")
    attn = arrays(seen["attn"][-1])  # (n_h, T_out, T_src)
    chosen = attn.mean(0) if head == MEAN else attn[head - 1]
    position = max(1, min(position, len(output)))
    return {
        "source": source,
        "output": output,
        "probs": arrays(seen["probs"]),
        "map": chosen,
        "position": position,
        "looks": most_seen(source, chosen[position - 1]) if output else None,
    }


def most_seen(source, weights):
    """The word, number or single sign of a text that gets the most of its weights (T_src,): (sum, word)."""
    words = re.finditer(r"\d+|[^\W\d]+|.", source, re.DOTALL)
    return max((float(weights[slice(*word.span())].sum()), word[0]) for word in words)


def bound_position(controls, state):
    """Keep the position's slider within the output; a slider needs two values, even for one character."""
    controls["position"].max = max(2, len(state["output"]))


def caption(state):
    """What is to be seen, in one line."""
    if not state["output"]:
        return "It writes nothing: the model ended at once"
    position, (share, word) = state["position"], state["looks"]
    which = f"Character {position} of {state['output']}, “{state['output'][position - 1]}”"
    return f"{which}, looks most at “{visible(word)}”: {100 * share:.0f} % of its weight"


def middles(text):
    """Where the characters of a line stand, in pixels: (T,); and how wide each is."""
    size = min(CELL, WIDTH // max(len(text), 1))
    return WIDTH / 2 + size * (np.arange(len(text)) - (len(text) - 1) / 2), size


def page(state):
    """The state as HTML: two lines of text, arcs between them, and examples to press."""
    (above, narrow), (below, wide) = middles(state["source"]), middles(state["output"])
    row = state["position"] - 1
    weights = state["map"][row] if state["output"] else np.zeros(len(above))
    arcs = "".join(_arcs(state["map"], above, below, row))
    read = "".join(
        _cell(sign, narrow, f"rgba(213,94,0,{min(1, weight):.2f})", f"weight {weight:.2f}")
        for sign, weight in zip(state["source"], weights, strict=True)
    )
    written = "".join(
        _cell(sign, wide, f"rgba(0,114,178,{0.5 * prob**2:.2f})", f"p = {prob:.3f}", number, number == row)
        for number, (sign, prob) in enumerate(zip(state["output"], state["probs"], strict=True))
    )
    buttons = "".join(
        f"<span class='example{' now' if text == state['text'] else ''}' "
        f"data-set='{html.escape(json.dumps({'text': text}))}'>{html.escape(text)}</span>"
        for text in EXAMPLES
    )
    return (
        f"<div class='course-dates'>{STYLE}<p>{html.escape(caption(state))}</p>"
        f"<p class='line reads'>{read}</p><svg width='{WIDTH}' height='{HIGH}'>{arcs}</svg>"
        f"<p class='line writes'>{written}</p><p class='examples'>Examples: {buttons}</p></div>"
    )


def _arcs(weights, above, below, row):
    """SVG paths: those of all rows pale, then the chosen row's."""
    for number in sorted(range(len(weights)), key=lambda number: number == row):
        chosen = number == row
        look = "#d55e00" if chosen else "#56b4e9"
        for place, weight in zip(above, weights[number], strict=True):
            if weight >= (SEEN if chosen else LEAST):
                yield (
                    f"<path d='M{place:.0f} 0C{place:.0f} {HIGH // 2} {below[number]:.0f} {HIGH // 2} "
                    f"{below[number]:.0f} {HIGH}' fill='none' stroke='{look}' "
                    f"stroke-width='{WIDEST * weight:.2f}' stroke-opacity='{0.8 if chosen else 0.35}'/>"
                )


def _cell(sign, width, ground, said, number=None, chosen=False):
    """A character as HTML: on a coloured ground, with a note that shows when the pointer is over it."""
    press = "" if number is None else f" data-set='{json.dumps({'position': number + 1})}'"
    shown = BREAK if sign == "\n" else html.escape(sign)
    return (
        f"<span class='cell{' now' if chosen else ''}' style='width:{width}px;background:{ground}'{press}>"
        f"{shown}<i>{said}</i></span>"
    )


def build(figure):
    """All artists of the still picture: two lines of text and the arcs between them."""
    caption = headline(figure)
    axes = figure.add_subplot()
    axes.set(xlim=(-10, WIDTH + 10), ylim=(HIGH + 41, -40))
    axes.set_axis_off()
    for y, words in ((-34, "it reads"), (HIGH + 14, "it writes"), (HIGH + 33, "probability")):
        axes.text(0, y, words, va="center", fontsize=9, color="0.25")
    return {
        "caption": caption,
        "all": axes.add_collection(LineCollection([], color=COLOURS[5], alpha=0.4)),
        "chosen": axes.add_collection(LineCollection([], color=COLOURS[1], alpha=0.8)),
        "source": axes.add_artist(Texts(13)),
        "output": axes.add_artist(Texts(14)),
        "probs": axes.add_artist(Texts(8, "DejaVu Sans")),
        "row": moving(axes, color=COLOURS[1], linewidth=2, clip_on=False, in_layout=False),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    (above, _), (below, wide) = middles(state["source"]), middles(state["output"])
    row, written = state["position"] - 1, len(state["output"])
    artists["source"].set_data(above, -14, visible(state["source"]))
    artists["output"].set_data(below, HIGH + 14, visible(state["output"]))
    artists["probs"].set_data(below, HIGH + 33, [f"{prob:.2f}" for prob in state["probs"]])
    seen = np.argwhere(state["map"] >= SEEN)
    for name, pairs in (("all", seen[seen[:, 0] != row]), ("chosen", seen[seen[:, 0] == row])):
        artists[name].set_segments([_curve(above[place], below[number]) for number, place in pairs])
        artists[name].set_linewidth([0.72 * WIDEST * state["map"][*pair] for pair in pairs])
    frame = outline(below[row] - wide / 2, HIGH + 2, wide, 22) if written else ([], [])
    artists["row"].set_data(*frame)
    artists["caption"].set_text(caption(state))


def _curve(above, below):
    """A Bézier curve from (above, 0) down to (below, HIGH): (21, 2)."""
    t = np.linspace(0, 1, 21)
    return np.stack([above + (below - above) * (3 - 2 * t) * t**2, HIGH * (1.5 * t * (1 - t) + t**3)], 1)
