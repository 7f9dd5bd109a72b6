"""Chapter 2's explorer of a trained LSTM: its gates and states over a text, and what it expects next."""

from functools import partial

import numpy as np

from course.explorers.base import Explorer, Picture
from course.explorers.characters import BREAK, typed, visible
from course.explorers.controls import field, menu, slider
from course.explorers.parts import arrays, minus, moving, moving_scale, round_up
from course.plots import COLOURS, SIGNED
from course.plots.texts import Caption, Texts

UNIT = "unit"
NAMES = {"i": "input gate i", "f": "forget gate f", "o": "output gate o", "c": "cell c", "h": "output h"}
MARKERS = dict(zip(NAMES, ("o-", "s--", "^-.", "D-", "v:"), strict=True))
GATES, STATES = ("i", "f", "o"), ("c", "h")
TICKS = (-1, -0.5, 0, 0.5, 1)  # of the states' scale
MOST = 60  # characters
BEST = 10  # next characters
ALT = (
    "An LSTM's gates and states over the characters of a text, as curves of one unit or a map of all, "
    "and bars for the next characters that it holds most probable."
)


def gate_inspector(trace, vocabulary, text="It is a truth universally acknowledged, that a", unit=0):
    """Explore what the gates of a trained LSTM do, character by character.

    Args:
        trace: the chapter's function (text) -> dict of tensors: "i", "f", "g", "o", "c", "h" (T, D_h) and
            "logits" (T, V), those after text[: t + 1] at t. A ValueError (an unknown character, say) is
            shown under the picture.
        vocabulary: str of V characters.
        text, unit: what to begin with.
    """
    units = trace(typed(text)[:MOST])["h"].shape[1]
    show = [("one unit: i, f, o, c, h", UNIT), *((f"all units: {NAMES[key]}", key) for key in NAMES)]
    controls = {
        "text": field("text", text, f"the first {MOST} characters are read; {BREAK} stands for a line break"),
        "show": menu("show", show, UNIT, "curves of one unit, or a map of all units"),
        "unit": slider("unit", (0, units - 1), unit, "which entry of the gates and states"),
        "position": slider(
            "position",
            (0, MOST - 1),
            len(text) // 2,
            "the character after which the next one is predicted, counted from 0",
        ),
    }
    compute = partial(compute_gate_inspector, trace, vocabulary)
    picture = Picture(partial(build, units=units, best=min(BEST, len(vocabulary))), update, (9.6, 4.9))
    return Explorer(
        "gate inspector", controls, compute, picture, ALT, main=("position", "unit"), adjust=bound_position
    )


def compute_gate_inspector(trace, vocabulary, *, text, show, unit, position):
    """The numbers behind one picture of the gates.

    Args:
        text: what the text field holds; its first `MOST` characters are read.
        show: `UNIT`, or the name of what is shown for all units, a key of `NAMES`.
        unit, position: ints; beyond the last one the last one counts.
    Returns:
        dict: text (what was read), cut (how many characters were not), unit, position, curves (dict of
        the names to (T,)), now (dict of "i", "f", "g", "o", "c", "h" and "before", the cell one step earlier,
        to floats), map (D_h, T) or None, next (the likeliest characters), probs (theirs), follows (the text's
        own next character, or None), its_prob.
    Raises:
        ValueError: for an empty text, and as `trace` does.
    """
    whole = typed(text)
    if not whole:
        raise ValueError("The text is empty: type at least one character.")
    read = whole[:MOST]
    seen = {name: arrays(values) for name, values in trace(read).items()}
    unit, position = min(unit, seen["h"].shape[1] - 1), min(position, len(read) - 1)
    now = {name: float(seen[name][position, unit]) for name in "ifgoch"}
    now["before"] = float(seen["c"][position - 1, unit]) if position else 0.0
    logits = seen["logits"][position]
    probs = np.exp(logits - logits.max())
    probs /= probs.sum()
    best = np.argsort(-probs, kind="stable")[:BEST]
    follows = whole[position + 1] if position + 1 < len(whole) else None
    return {
        "text": read,
        "cut": len(whole) - len(read),
        "unit": unit,
        "position": position,
        "curves": {name: seen[name][:, unit] for name in NAMES},
        "now": now,
        "map": None if show == UNIT else seen[show].T,
        "next": [vocabulary[k] for k in best],
        "probs": probs[best],
        "follows": follows,
        "its_prob": float(probs[vocabulary.index(follows)]) if follows in list(vocabulary) else 0.0,
    }


def bound_position(controls, state):
    """Keep the position's slider within the text; a slider needs two values, even for one character."""
    controls["position"].max = max(1, len(state["text"]) - 1)


def build(figure, units, best):
    """All artists: the gates above the states, a map in the same place, and bars to the right."""
    grid = figure.add_gridspec(2, 2, width_ratios=(3.4, 1), height_ratios=(1, 1.25))
    gates, states = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    whole, right = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[:, 1])
    artists = {"caption": whole.add_artist(Caption(0.5, 1.145))}
    for axes, names, label in ((gates, GATES, "gate, 0 to 1"), (states, STATES, "state")):
        for k, name in enumerate(NAMES):
            if name in names:
                style = dict(color=COLOURS[k if k < 4 else 6], linewidth=1.3, markersize=3.5)
                artists[name] = moving(axes, MARKERS[name], label=NAMES[name], **style)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 0.97), ncols=3, fontsize=9, borderpad=0)
        axes.set(ylabel=label, xticks=[], ylim=(-0.05, 1.05) if axes is gates else (-1, 1))
        axes.axhline(0, color="0.8", linewidth=1, zorder=0)
    artists["scale"] = moving_scale(states, TICKS, "−0.50")
    whole.set_title("\n\n\n", fontsize=9)  # room for the caption and the legend
    whole.set(ylabel="unit", xticks=[], ylim=(units - 0.5, -0.5))
    artists["map"] = whole.imshow(np.zeros((units, 2)), cmap=SIGNED, aspect="auto", interpolation="nearest")
    outside = dict(color=COLOURS[1], markersize=7, clip_on=False, in_layout=False)
    artists["chosen"] = moving(whole, "<", **outside)
    for axes in (states, whole):
        axes.set_xlabel("\n\ncharacter (arrow: the position)", fontsize=10)  # room for the letters
    artists["letters"] = states.add_artist(Texts(9.5))
    artists["letters"].set_transform(states.get_xaxis_transform())
    artists["marks"] = [moving(axes, ":", color="0.3", linewidth=1) for axes in (gates, states, whole)]
    artists["arrow"] = moving(states, "^", **outside)
    artists["arrow"].set_transform(states.get_xaxis_transform())
    return artists | _build_bars(right, best)


def _build_bars(axes, best):
    axes.set_title("\n\n", fontsize=10)  # room for the caption
    axes.set(xlabel="probability", xlim=(0, 1.55), xticks=(0, 0.5, 1), ylim=(best - 0.4, -0.6))
    axes.set_yticks(range(best), [" "] * best)
    axes.set_ylabel("next character\n", fontsize=10)  # room for the characters
    axes.tick_params(axis="y", length=0)
    return {
        "bars": list(axes.barh(range(best), 0.5, color=COLOURS[0], height=0.7)),
        "names": axes.add_artist(Texts(11)),
        "percents": axes.add_artist(Texts(9, "DejaVu Sans", align=0)),
        "follows": moving(axes, "<", color=COLOURS[1], markersize=7),
        "said": axes.add_artist(Caption(0.5, 1.145)),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    text, position, one = state["text"], state["position"], state["map"] is None
    _arrange(artists, state)
    place = np.arange(len(text))
    limit = round_up(max(np.abs(state["curves"][name]).max() for name in STATES), 1)
    for name, values in state["curves"].items():
        artists[name].set_data(place, values / limit if name in STATES else values)
    artists["scale"].set_data(-0.014, TICKS, [minus(f"{limit * tick:g}") for tick in TICKS])
    for mark in artists["marks"]:
        mark.set_data([position] * 2, mark.axes.get_ylim())
    artists["letters"].set_data(place, -0.06, visible(text))
    artists["arrow"].set_data([position], [-0.155])
    artists["chosen"].set_data([place[-1] + 1], [state["unit"]])
    if not one:
        artists["map"].set_data(state["map"])
        artists["map"].set_extent((-0.5, len(text) - 0.5, len(state["map"]) - 0.5, -0.5))
    artists["caption"].set_text(_caption(state))
    _update_bars(artists, state)


def _arrange(artists, state):
    """Show curves or map, with limits that fit; what moves the axes costs a whole redraw, so seldom."""
    one, axes = state["map"] is None, {name: artists[name].axes for name in ("i", "h", "map")}
    for name in ("i", "h"):
        axes[name].set_visible(one)
    axes["map"].set_visible(not one)
    for artist in [artists[name] for name in (*NAMES, "scale")] + artists["marks"][:2]:
        artist.set_visible(one)
    for artist in (artists["map"], artists["chosen"], artists["marks"][2]):
        artist.set_visible(not one)
    right = 20 * -(-len(state["text"]) // 20) - 0.5
    if axes["h"].get_xlim() != (-0.5, right):
        for name in axes:
            axes[name].set_xlim(-0.5, right)
    if not one:
        artists["map"].set_clim(-span(state), span(state))


def span(state):
    """The value of the map's darkest colour: 1 for gates and outputs, the largest one for cells."""
    return max(1.0, float(np.abs(state["map"]).max())) if state["show"] == "c" else 1.0


def _caption(state):
    letter, cut = visible(state["text"][state["position"]]), state["cut"]
    now = {name: number(value) for name, value in state["now"].items()}
    lines = [
        f"unit {state['unit']} at position {state['position']}, “{letter}”:   c = f · (c before) + i · g = "
        f"{now['f']} · {now['before']} + {now['i']} · {now['g']} = {now['c'].strip('()')}",
        f"h = o · tanh c = {now['o']} · {number(np.tanh(state['now']['c']))} = {now['h'].strip('()')}"
        + (f"   (the text's last {cut} characters are not read)" if cut else ""),
    ]
    if state["map"] is not None:
        limit = f"{span(state):.3g}"
        below = "" if state["show"] in GATES else f"dark orange −{limit}, "
        lines.append(f"map of {NAMES[state['show']]}: {below}white 0, dark purple {limit}")
    return "\n".join(lines)


def number(value):
    """A number with two decimals, in brackets if it is negative."""
    text = f"{abs(value):.2f}"
    return f"(−{text})" if value < 0 and float(text) else text


def _update_bars(artists, state):
    probs, follows, rows = state["probs"], state["follows"], np.arange(len(state["probs"]))
    for bar, prob in zip(artists["bars"], probs, strict=True):
        bar.set_width(float(prob))
    artists["names"].set_data(-0.1, rows, [visible(character) for character in state["next"]])
    artists["percents"].set_data(probs + 0.03, rows, [f"{100 * prob:.1f} %" for prob in probs])
    place = [state["next"].index(follows)] if follows in state["next"] else []
    artists["follows"].set_data([1.48] * len(place), place)
    before = visible(state["text"][max(0, state["position"] - 9) : state["position"] + 1])
    own = "the text ends"
    if follows:
        own = f"the text's own: “{visible(follows)}”\n{100 * state['its_prob']:.1f} %"
    artists["said"].set_text(f"after “{before}”\n{own}" + (" (triangle)" if place else ""))
