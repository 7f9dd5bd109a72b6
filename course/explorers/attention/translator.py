"""Chapter 3's explorer of the translator: what it writes for a date, and where each character looks."""

from functools import lru_cache, partial

import ipywidgets as widgets

from course.explorers.attention.translator_picture import build, update
from course.explorers.base import Explorer, describe

MEAN = 0  # instead of a head's number
ALT = (
    "A map of the attention weights, a row for each character that the translator writes and a column for "
    "each that it reads, and bars for the weights of the chosen row."
)


def translator(translate, text="вторник, 5 января 2021 г."):
    """Explore where a trained translator of dates looks while it writes.

    Args:
        translate: the chapter's function (text) -> dict: "source", the str that was read, of T_src characters
            (40 at most); "output", the str that was written, of T_out characters (12 at most); "probs"
            (T_out,), the probability of each; "attn" (L, n_h, T_out, T_src), the cross-attention of each
            decoder layer and head. A ValueError (an unknown character, say) is shown under the picture. It is
            called once for a text: a model trained further needs a new explorer.
        text: what to begin with.
    Returns:
        Explorer.
    """
    translate = lru_cache(maxsize=32)(translate)
    first = translate(text)
    layers, heads = first["attn"].shape[:2]
    slider = dict(layout=widgets.Layout(width="340px"), style={"description_width": "110px"})
    names = [("mean of all heads", MEAN), *((f"head {h}", h) for h in range(1, heads + 1))]
    controls = {
        "text": widgets.Text(
            description="text", value=text, layout=widgets.Layout(width="690px"), style=slider["style"]
        ),
        "layer": widgets.IntSlider(description="layer", value=layers, min=1, max=max(2, layers), **slider),
        "head": widgets.Dropdown(description="head", options=names, value=MEAN, **slider),
        "position": widgets.IntSlider(
            description="output character", value=1, min=1, max=max(2, len(first["output"])), **slider
        ),
    }
    for name, words in (
        ("text", "a date in any of the languages that the model was trained on"),
        ("layer", "which of the decoder's layers, counted from the input"),
        ("head", "one head's weights, or their mean over the heads"),
        ("position", "the character written whose weights are the bars, counted from 1"),
    ):
        describe(controls[name], words)
    for name, count in (("layer", layers), ("head", heads)):
        if count == 1:  # nothing to choose
            del controls[name]
    return Explorer(
        "translator",
        controls,
        partial(compute_translator, translate),
        build,
        update,
        alt=ALT,
        main=("position", "head"),
        size=(9.4, 5.1),
        adjust=bound_position,
    )


def compute_translator(translate, *, text, position, layer=1, head=MEAN):
    """The numbers behind one picture of the translator.

    Args:
        translate: as in `translator`.
        text: what the text field holds.
        position, layer: ints from 1; beyond the last one the last one counts.
        head: int from 1, or `MEAN`.
    Returns:
        dict: source, output (strs), probs (T_out,), map (T_out, T_src), position, weights (T_src,), those of
        the position, all 0 where nothing was written, most (index of the source character of the greatest
        weight), shown (which layer and head, in words).
    Raises:
        ValueError: for a text without characters to read, and as `translate` does.
    """
    seen = translate(text)
    source, output = seen["source"], seen["output"]
    if not source:
        raise ValueError("The text is empty: type at least one character.")
    attn = seen["attn"].detach().cpu().double().numpy()  # (L, n_h, T_out, T_src)
    layers, heads = attn.shape[:2]
    layer, position = min(layer, layers), max(1, min(position, len(output)))
    layer_attn = attn[layer - 1]
    chosen = layer_attn.mean(0) if head == MEAN else layer_attn[head - 1]  # (T_out, T_src)
    weights = chosen[position - 1] if output else 0 * attn.sum((0, 1, 2))
    which = f"mean of {heads} heads" if head == MEAN and heads > 1 else f"head {max(1, head)}"
    return {
        "source": source,
        "output": output,
        "probs": seen["probs"].detach().cpu().double().numpy(),
        "map": chosen,
        "position": position,
        "weights": weights,
        "most": int(weights.argmax()),
        "shown": f"layer {layer}, {which}",
    }


def bound_position(controls, state):
    """Keep the position's slider within the output; a slider needs two values, even for one character."""
    controls["position"].max = max(2, len(state["output"]))
