"""Chapter 2's explorer of a trained LSTM: a text coloured by one cell, its gates, and what comes next."""

import math
from functools import lru_cache, partial
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

from course.explorers import page
from course.explorers.base import Explorer
from course.explorers.characters import BREAK, typed, visible
from course.explorers.controls import field, menu, slider
from course.explorers.parts import arrays, minus, moving, outline
from course.explorers.picture import Picture
from course.plots import COLOURS, SIGNED
from course.plots.texts import Caption, Texts

MOST = 500  # characters
SLIGHT = 0.05  # a cell nearer to 0 is empty, and a smaller change of it is none
BEST = 7  # next characters
LINES = 13  # of the still picture
CMAP = LinearSegmentedColormap.from_list("cell", colormaps[SIGNED](np.linspace(0.2, 0.8, 65)))
CMAP = CMAP.with_extremes(bad="white")
ALT = (
    "A text, each character coloured by the value of one LSTM cell after it, the unit's gates at one "
    "position, and bars for the next characters that the model holds most probable."
)


def gate_inspector(trace, vocabulary, units, text, position=0):
    """Explore what the cells of a trained LSTM follow, and what their gates do, character by character.

    Args:
        trace: the chapter's function (text) -> dict of tensors: "i", "f", "g", "o", "c", "h" (T, D_h) and
            "logits" (T, V), those after text[: t + 1] at t. A ValueError (an unknown character, say) is
            shown above the text. It is called once for a text.
        vocabulary: str of V characters.
        units: dict of a unit's number to (what its cell follows, their correlation, the largest one of an
            untrained net's cells); the first is shown at first.
        text, position: what to begin with.
    """
    named = [(f"{name} ({unit})", unit) for unit, (name, *_) in units.items()]
    text = text.replace("\n", BREAK)
    controls = {
        "unit": menu("unit", named, None, "whose cell colours the text: what it follows, and its number"),
        "position": slider("position", (0, MOST - 1), position, "the character whose step is told, from 0"),
        "text": field("text", text, f"the first {MOST} characters are read; {BREAK} stands for a line break"),
    }
    compute = partial(compute_gate_inspector, lru_cache(maxsize=8)(trace), vocabulary)
    picture = Picture(partial(build, best=min(BEST, len(vocabulary))), update, (8.4, 3.7))
    conduct = dict(adjust=bound_position, play="position", text=partial(html, units))
    conduct |= dict(main=("unit", "position"), hint="Click a character, or play.")
    return Explorer("gate inspector", controls, compute, picture, ALT, **conduct)


def compute_gate_inspector(trace, vocabulary, *, text, unit, position):
    """The numbers behind one page of the gates.

    Args:
        text: what the text field holds; its first `MOST` characters are read.
        unit, position: ints; beyond the last position the last one counts.
    Returns:
        dict: text (what was read), cut (how many characters were not), position, cell (T,), now (dict of "i",
        "f", "g", "o", "c", "h" and "before", the cell one step earlier, to floats), next (the likeliest
        characters), probs (theirs), follows (the text's own next character, or None), its_prob.
    Raises:
        ValueError: for an empty text, and as `trace` does.
    """
    whole = typed(text)
    if not whole:
        raise ValueError("The text is empty: type at least one character.")
    read = whole[:MOST]
    seen = trace(read)
    position = min(position, len(read) - 1)
    cell = arrays(seen["c"][:, unit])
    now = {name: float(seen[name][position, unit]) for name in "ifgoch"}
    logits = arrays(seen["logits"][position])
    probs = np.exp(logits - logits.max())
    probs /= probs.sum()
    best = np.argsort(-probs, kind="stable")[:BEST]
    follows = whole[position + 1] if position + 1 < len(whole) else None
    return {
        "text": read,
        "cut": len(whole) - len(read),
        "position": position,
        "cell": cell,
        "now": now | {"before": float(cell[position - 1]) if position else 0.0},
        "next": [vocabulary[k] for k in best],
        "probs": probs[best],
        "follows": follows,
        "its_prob": float(probs[vocabulary.index(follows)]) if follows in list(vocabulary) else 0.0,
    }


def bound_position(controls, state):
    """Keep the position's slider within the text; a slider needs two values, even for one character."""
    controls["position"].max = max(1, len(state["text"]) - 1)


def number(value):
    """A number with two decimals and a true minus sign."""
    text = f"{value:.2f}"
    return minus(text if text.strip("-0.") else text.lstrip("-"))


def factor(value):
    """A number as a factor: in brackets if it is negative."""
    return f"({number(value)})" if number(value).startswith("−") else number(value)


def largest(state):
    """What the darkest colours stand for: the largest |cell|, rounded up to two digits, at least 0.1."""
    top = max(0.1, np.abs(state["cell"]).max())
    unit = 10.0 ** (math.floor(math.log10(top)) - 1)
    return math.ceil(top / unit - 1e-9) * unit


def finding(state, box="[{}]".format):
    """The title: what the gates do to the cell at this position; box: a function that frames a character."""
    now = state["now"]
    where = f"At {box(visible(state['text'][state['position']]))} unit {state['unit']}"
    written = now["i"] * now["g"]
    f, before, after, i_g = map(number, (now["f"], now["before"], now["c"], written))
    goes = f"c goes from {before} to {after}"
    if abs(now["before"]) < SLIGHT and abs(now["c"]) < SLIGHT:
        return f"{where} stays empty: c = {after}"
    if now["f"] >= 0.8 and abs(now["c"] - now["before"]) < SLIGHT:
        return f"{where} keeps its cell: f = {f}, c = {after}"
    if now["f"] < 0.2 and abs(now["before"]) >= SLIGHT:
        again = f" and writes {i_g}" if abs(now["c"]) >= SLIGHT else ""
        return f"{where} forgets (f = {f}){again}: {goes}"
    if abs(written) >= abs((1 - now["f"]) * now["before"]):
        return f"{where} writes (i · g = {i_g}): {goes}"
    return f"{where} lets its cell fade (f = {f}): {goes}"


def equations(state):
    """The unit's step in numbers, two equations."""
    f, before, i, g, o = (factor(state["now"][name]) for name in ("f", "before", "i", "g", "o"))
    c, h = state["now"]["c"], state["now"]["h"]
    return (
        f"cₜ = f · cₜ₋₁ + i · g = {f} · {before} + {i} · {g} = {number(c)}",
        f"hₜ = o · tanh cₜ = {o} · {factor(np.tanh(c))} = {number(h)}",
    )


def html(units, state):
    """The page as HTML."""
    top, now, (name, r, control) = largest(state), state["now"], units[state["unit"]]
    chips = signs = gates = ""
    for unit, (its_name, *_) in units.items():
        on = " class=on" * (unit == state["unit"])
        chips += f"<button{on} data-set='{{\"unit\": {unit}}}'>{escape(its_name)} {unit}</button>"
    colours = page.shades(CMAP, 0.5 + state["cell"] / (2 * top))
    for t, (sign, value, colour) in enumerate(zip(state["text"], state["cell"], colours, strict=True)):
        here = " class=here" * (t == state["position"])
        signs += (
            f"<span{here} data-letter data-set='{{\"position\": {t}}}' data-value={number(value)} "
            f"style=background:{colour}>{page.character(sign)}</span>"
        )
    for gate, its_name in (("f", "forget gate"), ("i", "input gate"), ("o", "output gate")):
        gates += f"{its_name} {gate} = {number(now[gate])} {page.level(now[gate])}&emsp;"
    bars = page.bars(zip(state["next"], state["probs"], strict=True))
    before = page.boxed(state["text"][max(0, state["position"] - 9) : state["position"] + 1])
    own = "The text ends here."
    if state["follows"] is not None:
        own = f"The text has {page.boxed(state['follows'])}: {page.percent(state['its_prob'])}."
    cut = f" The text's last {state['cut']} characters are not read." if state["cut"] else ""
    return page.wrapped(
        finding(state, page.boxed),
        f'{chips}<div class="row"><div class="page">{signs}</div><div class="beside">'
        f"Next, after {before}:{bars}{own}</div></div>"
        f"<p>{page.scale(CMAP, f'cell: −{top:g}', f'{top:g}')}&emsp;r = {number(r)} with “{escape(name)}” on "
        f"held-out text; in an untrained net at most {number(control)}.{cut}</p>"
        f"<p>{gates}</p><p>{'&emsp;&emsp;'.join(equations(state))}</p>",
    )


def build(figure, best):
    """All artists of the still picture: the coloured text, and bars to the right."""
    left, right = figure.subplots(1, 2, width_ratios=(4.6, 1))
    left.set_title("\n", fontsize=11)  # room for the caption
    artists = page.build(left, LINES, CMAP, -1, 1)
    artists["here"] = moving(left, color="black", linewidth=1.5)
    artists["caption"] = left.add_artist(Caption(0.62, 1.06, 11))
    artists["sum"] = left.add_artist(Caption(0.5, -0.07, 10))
    right.set(xlabel="probability\n\n", xlim=(0, 1), xticks=(0, 1), ylim=(best - 0.4, -0.6))
    right.set_yticks(range(best), [" "] * best)
    right.set_ylabel("next character\n", fontsize=10)  # room for the characters
    right.tick_params(axis="y", length=0)
    artists["bars"] = list(right.barh(range(best), 0.5, color=COLOURS[0], height=0.7))
    artists["names"] = right.add_artist(Texts(11))
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    top = largest(state)
    page.update(artists, state["text"], state["cell"] / top)
    [row], [column] = (place[[state["position"]]] for place in page.places(state["text"]))
    artists["here"].set_data(*outline(column - 0.5, row - 0.5, 1, 1))
    artists["caption"].set_text(finding(state))
    scale = f"the cell after each character: orange −{top:g}, white 0, purple {top:g}"
    artists["sum"].set_text("\n".join([scale, *equations(state)]))
    for bar, chance in zip(artists["bars"], state["probs"], strict=True):
        bar.set_width(float(chance))
    artists["names"].set_data(-0.12, range(len(state["next"])), [visible(sign) for sign in state["next"]])
