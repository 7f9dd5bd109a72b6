"""Chapter 3's explorer of masks: which tokens a query may attend to, and what its weights become."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, moving, outline
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

T = 10  # tokens
D_K = 8
NAMES = {
    "none": "no mask",
    "padding": "padding mask",
    "causal": "causal mask",
    "both": "padding and causal mask",
}
ALT = (
    "A grid of queries and keys with crosses in the cells that the mask forbids, the attention weights under "
    "that mask as a map, and bars for the weights of the chosen query."
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
    named = [(words, name) for name, words in NAMES.items()]
    controls = {
        "mask": menu("mask", named, "both", "which keys are forbidden"),
        "length": slider("length", (0, T), 7, f"how many of the {T} tokens are real; the others are padding"),
        "position": slider("query", (1, T), 6, "the token whose weights are the bars, counted from 1"),
    }
    compute = partial(compute_masks, attention, padding_mask, causal_mask)
    picture = Picture(build, update, (9.4, 4.1))
    return Explorer("masks", controls, compute, picture, ALT, main=("length", "position"))


def compute_masks(attention, padding_mask, causal_mask, *, mask, length, position):
    """The numbers behind one picture of masks.

    Returns:
        dict: mask (T, T) bool, attn (T, T), allowed (T,) bool and weights (T,), both of the query; name.
    """
    padding, causal = padding_mask(torch.tensor([length]), T), causal_mask(T)
    none, both = torch.ones_like(causal), padding & causal
    allowed = {"none": none, "padding": padding, "causal": causal, "both": both}[mask]
    q, k, v = torch.randn(3, 1, 1, T, D_K, generator=torch.Generator().manual_seed(3))
    _, attn = attention(q, k, v, allowed)
    whole, attn = torch.broadcast_to(allowed, (1, 1, T, T))[0, 0].numpy(), arrays(attn[0, 0])
    return {
        "mask": whole,
        "attn": attn,
        "allowed": whole[position - 1],
        "weights": attn[position - 1],
        "name": NAMES[mask],
    }


def build(figure):
    """All artists: the mask, the weights under it with their scale, and the chosen query's bars."""
    left, middle, scale, right = figure.subplots(1, 4, width_ratios=(1, 1, 0.05, 0.9))
    artists = {"caption": middle.add_artist(Caption(0.72, 1.24))}
    left.set_title("\n\n\nmask (× forbidden)", fontsize=11)  # room for the caption
    middle.set_title("attention weights", fontsize=11)
    for axes, name, style in (
        (left, "mask", dict(cmap="Blues", vmin=-0.1, vmax=2.6)),  # pale, so that the crosses stand out
        (middle, "attn", dict(cmap="Blues", vmin=0, vmax=1)),
    ):
        edges = np.arange(T + 1) - 0.5
        artists[name] = axes.pcolormesh(edges, edges, np.zeros((T, T)), **style)  # quicker than an image
        axes.set(xticks=[], xlabel="\nkey token", ylabel="query token", ylim=(T - 0.5, -0.5))
        axes.set_yticks(range(T), range(1, T + 1))
        axes.tick_params(length=0)
        crosses = dict(color="0.4", markersize=5, markeredgewidth=1, in_layout=False)
        artists[f"{name} crosses"] = moving(axes, "x", **crosses)
        rule = dict(color=COLOURS[1], linewidth=2, clip_on=False, in_layout=False)
        artists[f"{name} row"] = moving(axes, **rule)
        artists[f"{name} names"] = axes.add_artist(Texts(8, "DejaVu Sans"))
        artists[f"{name} names"].set_transform(axes.get_xaxis_transform())
    figure.colorbar(artists["attn"], cax=scale, ticks=(0, 0.25, 0.5, 0.75, 1), label="attention weight")
    return artists | _build_bars(right)


def _build_bars(axes):
    axes.set_title("weights of the chosen query", fontsize=11)
    axes.set(xlabel="attention weight", xlim=(0, 1.3), xticks=(0, 0.5, 1), ylim=(T - 0.5, -0.5), yticks=[])
    axes.set_ylabel("key token\n\n")  # room for the names
    names, values = (axes.add_artist(Texts(9, "DejaVu Sans", align=align)) for align in (1, 0))
    names.set_transform(axes.get_yaxis_transform())
    bars = list(axes.barh(range(T), 0.5, color=COLOURS[0], height=0.7))
    return {"bars": bars, "names": names, "values": values}


def update(artists, state):
    """Put a state's numbers into the artists."""
    names, row, rows = tokens(state["length"]), state["position"] - 1, np.arange(T)
    across, down = np.nonzero(~state["mask"])[::-1]
    artists["mask"].set_array(state["mask"].astype(float))
    artists["attn"].set_array(state["attn"])
    for panel in ("mask", "attn"):
        artists[f"{panel} crosses"].set_data(across, down)
        artists[f"{panel} row"].set_data(*outline(-0.5, row - 0.5, T, 1))
        artists[f"{panel} names"].set_data(rows, -0.045, names)
    for bar, weight in zip(artists["bars"], state["weights"], strict=True):
        bar.set_width(float(weight))
    artists["names"].set_data(-0.03, rows, names)
    said = [
        f"{weight:.2f}" if may else "× forbidden"
        for weight, may in zip(state["weights"], state["allowed"], strict=True)
    ]
    artists["values"].set_data(state["weights"] + 0.03, rows, said)
    artists["caption"].set_text(caption(state))


def tokens(length):
    """What the T tokens are called: their numbers, or "pad"."""
    return [str(t + 1) if t < length else "pad" for t in range(T)]


def caption(state):
    """What the picture shows, in two lines."""
    count, position, length = int(state["allowed"].sum()), state["position"], state["length"]
    total = state["weights"].sum()
    query = f"query {position}" + (" (padding: what it computes is not used)" if position > length else "")
    row = (
        f"may attend to {count} of {T} tokens; its weights sum to {total:.2f}"
        if count
        else f"may attend to nothing: its weights are all {total:.0f}"
    )
    return f"{state['name']}; real tokens: {length} of {T}\n{query} {row}"
