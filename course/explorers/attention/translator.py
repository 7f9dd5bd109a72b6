"""Chapter 3's explorer of the translator: what it writes for a date, and where each character looks."""

from functools import lru_cache, partial

import numpy as np

from course.explorers.base import Explorer, Picture
from course.explorers.characters import BREAK, visible
from course.explorers.controls import field, menu, slider
from course.explorers.parts import arrays, moving, outline
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

ROWS = 10  # output characters that there is always room for: those of an ISO date
MOST_ROWS = 12
ROOM = (20, 30, 40)  # source characters: few different widths, since new limits cost a whole redraw
TEXT = "вторник, 5 января 2021 г."  # to begin with
MEAN = 0  # instead of a head's number
ALT = (
    "A map of the attention weights, a row for each character that the translator writes and a column for "
    "each that it reads, and bars for the weights of the chosen row."
)


def translator(translate):
    """Explore where a trained translator of dates looks while it writes.

    Args:
        translate: the chapter's function (text) -> dict: "source", the str that was read, of T_src characters
            (40 at most); "output", the str that was written, of T_out characters (12 at most); "probs"
            (T_out,), the probability of each; "attn" (L, n_h, T_out, T_src), the cross-attention of each
            decoder layer and head. A ValueError (an unknown character, say) is shown under the picture. It is
            called once for a text: a model trained further needs a new explorer.
    """
    translate = lru_cache(maxsize=32)(translate)
    first = translate(TEXT)
    layers, heads = first["attn"].shape[:2]
    named = [("mean of all heads", MEAN), *((f"head {h}", h) for h in range(1, heads + 1))]
    controls = {
        "text": field("text", TEXT, "a date in any of the languages that the model was trained on"),
        "layer": slider(
            "layer", (1, layers), layers, "which of the decoder's layers, counted from the input"
        ),
        "head": menu("head", named, MEAN, "one head's weights, or their mean over the heads"),
        "position": slider(
            "output character",
            (1, max(2, len(first["output"]))),
            1,
            "the character written whose weights are the bars, counted from 1",
        ),
    }
    compute = partial(compute_translator, translate)
    picture = Picture(build, update, (9.4, 5.1))
    return Explorer(
        "translator", controls, compute, picture, ALT, main=("position", "head"), adjust=bound_position
    )


def compute_translator(translate, *, text, layer, head, position):
    """The numbers behind one picture of the translator.

    Args:
        text: what the text field holds.
        layer, position: ints from 1; beyond the last one the last one counts.
        head: int from 1, or `MEAN`.
    Returns:
        dict: source, output (strs), probs (T_out,), map (T_out, T_src), position, weights (T_src,), its own,
        all 0 where nothing was written, most (index of the greatest), shown (the layer and head in words).
    Raises:
        ValueError: for a text without characters to read, and as `translate` does.
    """
    seen = translate(text)
    source, output = seen["source"], seen["output"]
    if not source:
        raise ValueError("The text is empty: type at least one character.")
    attn = arrays(seen["attn"])  # (L, n_h, T_out, T_src)
    layers, heads = attn.shape[:2]
    layer, position = min(layer, layers), max(1, min(position, len(output)))
    layer_attn = attn[layer - 1]
    chosen = layer_attn.mean(0) if head == MEAN else layer_attn[head - 1]  # (T_out, T_src)
    weights = chosen[position - 1] if output else 0 * attn.sum((0, 1, 2))
    which = f"mean of {heads} heads" if head == MEAN else f"head {head}"
    return {
        "source": source,
        "output": output,
        "probs": arrays(seen["probs"]),
        "map": chosen,
        "position": position,
        "weights": weights,
        "most": int(weights.argmax()),
        "shown": f"layer {layer}, {which}",
    }


def bound_position(controls, state):
    """Keep the position's slider within the output; a slider needs two values, even for one character."""
    controls["position"].max = max(2, len(state["output"]))


def build(figure):
    """All artists: the map above, the chosen row's bars below, on the same columns."""
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.3, 1))
    above.set_title("\n\n", fontsize=10)  # room for the caption
    above.set(ylabel="output character\n\n", xticks=[], yticks=[])
    above.spines[:].set_visible(False)
    # A mesh is drawn in a fifth of an image's time.
    edges = np.arange(ROOM[-1] + 1) - 0.5, np.arange(MOST_ROWS + 1) - 0.5
    mesh = above.pcolormesh(*edges, np.zeros((MOST_ROWS, ROOM[-1])), cmap="Blues", vmin=0, vmax=1)
    above.set_ylim(ROWS - 0.5, -0.5)
    above.set_xlabel("\n", fontsize=9)  # room for the letters
    below.set_xlabel("\nsource character", fontsize=10)  # as above
    below.set(ylabel="attention weight,\nchosen row", ylim=(0, 1), yticks=(0, 0.5, 1), xticks=[])
    bar = figure.colorbar(mesh, ax=[above, below], pad=0.1, ticks=(0, 0.25, 0.5, 0.75, 1), aspect=30)
    bar.set_label("attention weight")
    rule = dict(color=COLOURS[1], linewidth=1.8, clip_on=False, in_layout=False)
    artists = {
        "map": mesh,
        "edge": moving(above, color="0.6", linewidth=1, clip_on=False, in_layout=False),
        "row": moving(above, **rule),
        "arrow": moving(above, ">", color=COLOURS[1], markersize=7, clip_on=False, in_layout=False),
        "output": above.add_artist(Texts(11)),
        "probs": above.add_artist(Texts(9, "DejaVu Sans", align=1)),
        "head": above.add_artist(Caption(1.055, 1.045, 9)),
        "source": above.add_artist(Texts(10.5)),
        "caption": above.add_artist(Caption(0.48, 1.15)),
        "bars": below.stairs([0], [0, 1], fill=True, color=COLOURS[0]),
        "letters": below.add_artist(Texts(10.5)),
        "most": moving(below, "v", color=COLOURS[1], markersize=7, clip_on=False, in_layout=False),
    }
    for name in ("arrow", "output", "probs"):
        artists[name].set_transform(above.get_yaxis_transform())
    for name in ("source", "letters"):
        artists[name].set_transform(artists[name].axes.get_xaxis_transform())
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    source, output, row = visible(state["source"]), visible(state["output"]), state["position"] - 1
    columns, rows = np.arange(len(source)), np.arange(len(output))
    _arrange(artists, len(source), len(output))
    artists["source"].set_data(columns, -0.045, source)
    artists["letters"].set_data(columns, -0.11, source)
    artists["output"].set_data(-0.02, rows, output)
    artists["probs"].set_data(1.082, rows, [f"{100 * prob:.1f} %" for prob in state["probs"]])
    artists["head"].set_text("probability" if output else "")
    cells = np.full((MOST_ROWS, ROOM[-1]), np.nan)
    cells[: len(output), : len(source)] = state["map"]
    artists["map"].set_array(cells)
    artists["edge"].set_data(*outline(-0.5, -0.5, len(source), len(output)))
    artists["row"].set_data(*outline(-0.5, row - 0.5, len(source), 1))
    artists["arrow"].set_data([-0.042], [row])
    heights = np.stack([state["weights"], np.zeros(len(source))], 1).ravel()[:-1]  # a gap after each bar
    artists["bars"].set_data(heights, np.stack([columns - 0.36, columns + 0.36], 1).ravel())
    artists["most"].set_data([state["most"]], [state["weights"][state["most"]] + 0.09])
    artists["caption"].set_text(_caption(state, source, output))


def _arrange(artists, width, height):
    """Show what there is to show, with limits that fit."""
    for name in ("map", "edge", "row", "arrow", "bars", "most"):
        artists[name].set_visible(height > 0)
    above = artists["map"].axes
    right = next(room for room in ROOM if room >= width) - 0.5
    bottom = max(ROWS, height) - 0.5
    if above.get_xlim() != (-0.5, right) or above.get_ylim() != (bottom, -0.5):
        above.set(xlim=(-0.5, right), ylim=(bottom, -0.5))


def _caption(state, source, output):
    read = state["source"].replace("\n", BREAK)
    if not output:
        return f"{read}  →  nothing: the model ended at once\n{state['shown']}"
    position, most = state["position"], state["most"]
    return (
        f"{read}  →  {state['output']}\n"
        f"character {position} of {len(output)}, “{output[position - 1]}”, looks most at source character "
        f"{most + 1}, “{source[most]}”: weight {state['weights'][most]:.2f} ({state['shown']})"
    )
