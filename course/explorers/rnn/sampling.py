"""Chapter 2's explorer of sampling: what a language model writes, and how surprising each character was."""

import math
from functools import partial

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course.explorers.base import Explorer, Picture
from course.explorers.characters import BREAK, typed
from course.explorers.controls import field, slider
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

ACROSS = 64  # characters in a row
PROMPT = 3 * ACROSS  # characters of the prompt that are read, its last ones
MOST = 8  # bits: the darkest shade
ALT = (
    "The prompt in bold letters and the text that the model wrote after it, "
    "each of its characters on a shade that is darker where the character was less probable."
)


def sampling(sample, vocabulary, prompt="It is a truth universally acknowledged, that ", length=240):
    """Explore how a language model's text depends on the prompt, temperature, top-k and chance.

    Args:
        sample: the chapter's function (prompt, length, temperature, top_k, seed) -> (text, probabilities):
            `length` characters after the prompt, and the (length,) probabilities that they had, after
            temperature and top-k. A ValueError (an unknown character, say) is shown under the picture.
        vocabulary: str of the characters that the model knows.
        prompt: the prompt to begin with.
        length: how many characters are sampled.
    """
    known = len(vocabulary)
    controls = {
        "prompt": field(
            "prompt", prompt, f"what the model reads first, possibly nothing; {BREAK} stands for a line break"
        ),
        "temperature": slider(
            "temperature",
            (0.1, 2, 0.1),
            0.8,
            "the logits are divided by it: below 1 bolder guesses, above 1 more even ones",
        ),
        "top_k": slider("top-k", (1, known), known, "only this many most probable characters can be chosen"),
        "seed": slider("seed", (0, 20), 0, "of the random numbers that choose"),
    }
    rows = math.ceil((PROMPT + length) / ACROSS)
    compute = partial(compute_sampling, sample, length)
    picture = Picture(partial(build, rows=rows), update, (9.4, 1.5 + 0.26 * rows))
    return Explorer("sampling", controls, compute, picture, ALT, main=("temperature", "seed"))


def compute_sampling(sample, length, *, prompt, temperature, top_k, seed):
    """The numbers behind one picture of sampling.

    Args:
        prompt: what the text field holds; the model reads its last `PROMPT` characters.
    Returns:
        dict: prompt (what was read), cut (how many characters before it were not), text, bits (length,):
        each sampled character's surprisal -log2 p.
    """
    whole = typed(prompt)
    read = whole[-PROMPT:]
    text, probs = sample(read, length, temperature, top_k, seed)
    probs = np.clip(np.asarray(probs, dtype=float), np.finfo(float).tiny, 1)
    return {"prompt": read, "cut": len(whole) - len(read), "text": text, "bits": 0.0 - np.log2(probs)}


def build(figure, rows):
    """All artists: shaded cells, the letters on them, the caption; the scale is part of the background."""
    axes = figure.add_subplot()
    axes.set_title("\n", fontsize=11)  # room for the caption
    cmap = LinearSegmentedColormap.from_list("surprisal", ["white", COLOURS[1]])
    cmap = cmap.with_extremes(under="0.88", bad="white")
    cells = axes.imshow(np.zeros((rows, ACROSS)), cmap=cmap, vmin=0, vmax=MOST, aspect="auto")
    axes.set(xlabel="character in the row", ylabel="row's first\ncharacter", xticks=range(0, ACROSS, 8))
    axes.set_yticks(range(rows), [ACROSS * row for row in range(rows)])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    figure.colorbar(cells, ax=axes, label="surprisal (bits)", extend="max", pad=0.01, ticks=range(0, 9, 2))
    return {
        "cells": cells,
        "prompt": axes.add_artist(Texts(13, weight="bold")),
        "text": axes.add_artist(Texts(13)),
        "caption": axes.add_artist(Caption(0.5, 1 + 33 / (65 + 26 * rows))),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    prompt, text, bits = state["prompt"], state["text"], state["bits"]
    array = artists["cells"].get_array()
    shades = np.full(array.size, np.nan)
    shades[: len(prompt)] = -1  # grey
    shades[len(prompt) : len(prompt) + len(text)] = bits
    artists["cells"].set_data(shades.reshape(array.shape))
    place = np.arange(len(prompt) + len(text))
    row, column = place // ACROSS, place % ACROSS
    for name, part in (("prompt", slice(0, len(prompt))), ("text", slice(len(prompt), None))):
        letters = (prompt + text)[part].replace("\n", BREAK)
        artists[name].set_data(column[part], row[part], letters)
    mean = float(bits.mean()) if len(bits) else 0.0
    artists["caption"].set_text(
        f"temperature {state['temperature']:.1f}, top-k {state['top_k']}: mean surprisal {mean:.2f} bits a "
        f"character, as a choice among {2**mean:.1f} equally likely ones\n"
        f"darker: more surprising; bold on grey: the prompt; {BREAK}: a line break"
        + (f"; the prompt's first {state['cut']} characters were not read" if state["cut"] else "")
    )
