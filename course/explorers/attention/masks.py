"""Chapter 3's explorer of masks: which words a query may attend to, and what its weights become."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, headline, legend, moving, outline
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Texts

WORDS = ("the", "dog", "bit", "the", "man", "who", "ran", "away")
T, PAD = len(WORDS), "pad"
D_K = 8
MASKS = [
    ("padding and causal mask", "both"),
    ("causal mask", "causal"),
    ("padding mask", "padding"),
    ("no mask", "none"),
]
ALT = (
    "A table of the attention weights of a sentence's words, a row for each word as the query, with crosses "
    "where the mask forbids; beside it bars for the chosen row, with the mask and without it."
)


def masks(attention, padding_mask, causal_mask):
    """Explore what a padding mask and a causal mask do to attention weights.

    Args:
        attention: the chapter's function (q, k, v, mask) -> (out, attn): q, k, v (1, 1, T, D_K); mask bool,
            True = may attend, broadcastable to (1, 1, T, T); attn (1, 1, T, T), a row that may attend to
            nothing is 0.
        padding_mask: the chapter's function (lengths, steps) -> (B, 1, 1, steps) bool; lengths (B,) ints.
        causal_mask: the chapter's function (steps) -> (steps, steps) bool.
    """
    controls = {
        "mask": menu("mask", MASKS, None, "which keys are forbidden"),
        "length": slider("real words", (0, T), 6, f"of the {T} places; the others are padding"),
        "position": slider("query", (1, T), 5, "the word whose weights are the bars, counted from 1"),
    }
    compute = partial(compute_masks, attention, padding_mask, causal_mask)
    return Explorer(
        "masks", controls, compute, Picture(build, update, (8.4, 3.9)), ALT, main=("mask", "length"),
        touch={"table": lambda state, x, y: {"position": y + 1}}, hint="Click a row.",
    )  # fmt: skip


def compute_masks(attention, padding_mask, causal_mask, *, mask, length, position):
    """The numbers behind one picture of masks, with queries and keys drawn at random.

    Returns:
        dict: mask (T, T) bool; attn (T, T); weights (T,) of the query, free (T,): its weights without a mask.
    """
    padding, causal = padding_mask(torch.tensor([length]), T), causal_mask(T)
    none, both = torch.ones_like(causal), padding & causal
    allowed = {"none": none, "padding": padding, "causal": causal, "both": both}[mask]
    q, k, v = torch.randn(3, 1, 1, T, D_K, generator=torch.Generator().manual_seed(3))
    (_, attn), (_, free) = attention(q, k, v, allowed), attention(q, k, v, none)
    attn = arrays(attn[0, 0])
    return {
        "mask": torch.broadcast_to(allowed, (1, 1, T, T))[0, 0].numpy(),
        "attn": attn,
        "weights": attn[position - 1],
        "free": arrays(free[0, 0, position - 1]),
    }


def build(figure):
    """All artists: the table of weights, and the chosen query's bars."""
    caption = headline(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    left.set_label("table")
    edges = np.arange(T + 1) - 0.5
    left.set(xticks=[], yticks=[], ylim=(T - 0.5, -0.5))
    left.set(title="key\n", ylabel="query\n\n\n", facecolor="0.94")  # with room for the words
    left.title.set_size(10)
    left.spines[:].set_visible(False)
    artists = {
        "caption": caption,
        "attn": left.pcolormesh(edges, edges, np.zeros((T, T)), cmap="Blues", vmin=0, vmax=1.6, ec="white"),
        "numbers": left.add_artist(Texts(9, "DejaVu Sans")),
        "row": moving(left, color=COLOURS[1], linewidth=2.2, clip_on=False, in_layout=False),
        "keys": left.add_artist(Texts(9.5, "DejaVu Sans")),
        "queries": left.add_artist(Texts(9.5, "DejaVu Sans", align=1)),
    }
    return artists | _build_bars(right)


def _build_bars(axes):
    axes.set(xlabel="attention weight of the chosen query", xlim=(0, 1.12), xticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set(ylim=(T - 0.5, -0.5), yticks=[])
    axes.set_ylabel("key\n\n\n")  # room for the words
    bars = axes.barh(range(T), 0.5, color=COLOURS[0], height=0.62, label="with the mask")
    free = axes.barh(range(T), 0.5, color="none", edgecolor="black", height=0.62, linestyle="--", linewidth=1)
    legend(axes, [bars, free], ["with the mask", "without it"], y=0.98, room=True)
    words, values = (axes.add_artist(Texts(9.5, "DejaVu Sans", align=align)) for align in (1, 0))
    return {"bars": list(bars), "free": list(free), "words": words, "values": values}


def update(artists, state):
    """Put a state's numbers into the artists."""
    words, rows = tokens(state["length"]), np.arange(T)
    across, down = np.meshgrid(rows, rows)
    shown = [
        f"{weight:.2f}" if may else "×"
        for weight, may in zip(state["attn"].ravel(), state["mask"].ravel(), strict=True)
    ]
    artists["attn"].set_array(np.where(state["mask"], state["attn"], np.nan))
    artists["numbers"].set_data(across.ravel(), down.ravel(), shown)
    artists["row"].set_data(*outline(-0.5, state["position"] - 1.5, T, 1))
    artists["keys"].set_data(rows, -0.72, words)
    artists["queries"].set_data(-0.62, rows, words)
    artists["words"].set_data(-0.02, rows, words)
    for name, weights in (("bars", state["weights"]), ("free", state["free"])):
        for bar, weight in zip(artists[name], weights, strict=True):
            bar.set_width(float(weight))
    allowed = state["mask"][state["position"] - 1]
    said = [
        f"{weight:.2f}" if may else "× padding" if word == PAD else "× later word"
        for weight, may, word in zip(state["weights"], allowed, words, strict=True)
    ]
    artists["values"].set_data(np.maximum(state["weights"], state["free"]) + 0.02, rows, said)
    artists["caption"].set_text(caption(state))


def tokens(length):
    """What stands at the T places: words, then padding."""
    return [*WORDS[:length], *[PAD] * (T - length)]


def caption(state):
    """What the picture shows, in one line."""
    row = state["position"] - 1
    words, allowed, free = tokens(state["length"]), state["mask"][row], state["free"]
    query = words[row]
    if not allowed.any():
        return f"“{query}” may attend to nothing: its weights are all 0, and none is NaN"
    if query == PAD:
        return "The query is padding: its row has weights, but what it computes is not used"
    padding = np.array(words) == PAD
    kinds = {"on padding": padding, "on later words": ~padding & (np.arange(T) > row)}
    meant = {name: kind & (allowed.all() | ~allowed) for name, kind in kinds.items()}
    shares = [f"{100 * free[kind].sum():.0f} % {name}" for name, kind in meant.items() if kind.any()]
    said, kept = " and ".join(shares), free[allowed].sum()
    if allowed.all():
        return f"“{query}” puts {said or 'all its weight on itself and on earlier words'}"
    return f"Masked, “{query}” loses {said}: the rest grows {1 / kept:.{1 if kept > 0.1 else 0}f}-fold"
