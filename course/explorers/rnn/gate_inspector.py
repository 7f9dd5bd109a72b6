"""Chapter 2's explorer of a trained LSTM: its gates and states over a text, and what it expects next."""

from functools import partial

import ipywidgets as widgets
import numpy as np

from course.explorers.base import Explorer, describe
from course.explorers.characters import BREAK, typed
from course.explorers.rnn.gate_picture import NAMES, UNIT, build, update

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
    Returns:
        Explorer.
    """
    units = trace(typed(text)[:MOST])["h"].shape[1]
    slider = dict(layout=widgets.Layout(width="340px"))
    show = [("one unit: i, f, o, c, h", UNIT), *((f"all units: {NAMES[key]}", key) for key in NAMES)]
    controls = {
        "text": widgets.Text(description="text", value=text, layout=widgets.Layout(width="690px")),
        "show": widgets.Dropdown(description="show", options=show, value=UNIT, **slider),
        "unit": widgets.IntSlider(description="unit", value=unit, min=0, max=max(1, units - 1), **slider),
        "position": widgets.IntSlider(
            description="position", value=len(text) // 2, min=0, max=MOST - 1, **slider
        ),
    }
    for name, words in (
        ("text", f"the first {MOST} characters are read; {BREAK} stands for a line break"),
        ("show", "curves of one unit, or a map of all units"),
        ("unit", "which entry of the gates and states"),
        ("position", "the character after which the next one is predicted, counted from 0"),
    ):
        describe(controls[name], words)
    return Explorer(
        "gate inspector",
        controls,
        partial(compute_gate_inspector, trace, vocabulary),
        partial(build, units=units, best=min(BEST, len(vocabulary))),
        update,
        alt=ALT,
        main=("position", "unit"),
        size=(9.6, 4.9),
        adjust=bound_position,
    )


def compute_gate_inspector(trace, vocabulary, *, text, show, unit, position):
    """The numbers behind one picture of the gates.

    Args:
        trace, vocabulary: as in `gate_inspector`.
        text: what the text field holds; its first `MOST` characters are read.
        show: `UNIT`, or the name of what is shown for all units, a key of `NAMES`.
        unit, position: ints; beyond the last one the last one counts.
    Returns:
        dict: text (what was read), cut (how many characters were not), unit, position, show, curves (dict of
        the names to (T,)), now (dict of "i", "f", "g", "o", "c", "h" and "before", the cell one step
        earlier, at the position: floats), map (D_h, T) or None, next (the likeliest characters), probs
        (theirs), follows (the text's own next character, or None), its_prob.
    Raises:
        ValueError: for an empty text, and as `trace` does.
    """
    whole = typed(text)
    if not whole:
        raise ValueError("The text is empty: type at least one character.")
    read = whole[:MOST]
    seen = {name: values.detach().cpu().double().numpy() for name, values in trace(read).items()}
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
        "show": show,
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
