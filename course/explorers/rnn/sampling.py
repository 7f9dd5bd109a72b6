"""Chapter 2's explorer of sampling: what a language model writes, and how surprising each character was."""

from functools import lru_cache, partial

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course.explorers import page
from course.explorers.base import Explorer
from course.explorers.characters import BREAK, typed
from course.explorers.controls import field, list_slider, slider
from course.explorers.parts import arrays
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Caption

PROMPT = 200  # characters of the prompt that are read, its last ones
DARKEST = 8  # bits
BEST = 5  # next characters that are named
SEEDS = 21
TOP = (1, 2, 3, 5, 8, 12, 20, 40)  # values of top-k below the whole vocabulary: the last ones change little
LINES = 7  # of the still picture
CMAP = LinearSegmentedColormap.from_list("surprisal", ["white", COLOURS[1]]).with_extremes(bad="white")
ALT = (
    "The prompt and the text that the model wrote after it, "
    "each of its characters on a shade that is darker where the character was less probable."
)


def sampling(sample, follow, vocabulary, prompt="It is a truth universally acknowledged, that ", length=200):
    """Explore how a language model's text depends on the prompt, temperature, top-k and chance.

    Args:
        sample: the chapter's function (prompt, length, temperature, top_k, seed) -> (text, probabilities):
            `length` characters after the prompt, and the (length,) probabilities that they had, after
            temperature and top-k. A ValueError (an unknown character, say) is shown above the text.
        follow: function (text, temperature, top_k) -> (len(text), V): the probabilities of what may follow
            each of the text's characters, after temperature and top-k.
        vocabulary: str of the characters that the model knows.
        prompt: the prompt to begin with.
        length: how many characters are sampled.
    """
    known = len(vocabulary)
    counts = [*(count for count in TOP if count < known), known]
    controls = {
        "temperature": slider("temperature", (0.1, 2, 0.1), 0.8, "the logits are divided by it"),
        "prompt": field("prompt", prompt, f"what the model reads first; {BREAK} stands for a line break"),
        "top_k": list_slider("top-k", counts, known, "only so many most probable characters can be chosen"),
        "seed": slider("seed", (0, SEEDS - 1), 0, "of the random numbers that choose"),
        "character": slider("character", (0, length), 0, "the one told of; 0: the most surprising one"),
    }
    sampled = lru_cache(maxsize=16)(partial(compute_sampling, sample, follow, vocabulary, length))
    compute = partial(point_out, sampled)
    picture = Picture(build, update, (8.4, 2.8))
    return Explorer("sampling", controls, compute, picture, ALT, main=("temperature", "prompt"), text=html)


def point_out(sampled, *, character, **choice):
    """What `sampled` returns for a choice, and shown: the place of the character that is told of."""
    state = sampled(**choice)
    return state | {"shown": character - 1 if character else int(state["bits"].argmax())}


def compute_sampling(sample, follow, vocabulary, length, *, prompt, temperature, top_k, seed):
    """The numbers behind one page of sampling.

    Args:
        prompt: what the text field holds; the model reads its last `PROMPT` characters.
    Returns:
        dict: prompt (what was read), cut (how many characters before it were not), text, bits (length,), each
        sampled character's surprisal -log2 p; first, the mean of those that begin a word, and within, of all
        others, None where there are none; next, for each the `BEST` most probable (character, probability).
    """
    whole = typed(prompt)
    read = whole[-PROMPT:]
    text, probs = sample(read, length, temperature, top_k, seed)
    probs = np.clip(np.asarray(probs, dtype=float), np.finfo(float).tiny, 1)
    bits = 0.0 - np.log2(probs)
    before = (read or "\n") + text[:-1]
    chances = arrays(follow(before, temperature, top_k))[-len(text) :]
    best = np.argsort(-chances, axis=1, kind="stable")[:, : min(BEST, top_k)]
    pairs = zip(before[-len(text) :], text, strict=True)
    begins = np.array([sign.isalpha() and not last.isalpha() for last, sign in pairs], dtype=bool)
    return {
        "prompt": read,
        "cut": len(whole) - len(read),
        "text": text,
        "bits": bits,
        "first": float(bits[begins].mean()) if begins.any() else None,
        "within": float(bits[~begins].mean()) if not begins.all() else None,
        "next": [
            [(vocabulary[k], float(row[k])) for k in chosen]
            for row, chosen in zip(chances, best, strict=True)
        ],
    }


def finding(state):
    """The title: how surprising the text is, and where."""
    mean = f"{state['bits'].mean():.2f} bits per character"
    if state["top_k"] == 1:
        return f"{mean}: with top-k 1 nothing is left to chance"
    if state["first"] is None or state["within"] is None:
        return mean
    return f"{mean}: {state['first']:.2f} at a word's first letter, {state['within']:.2f} elsewhere"


def guesses(state, i):
    """HTML: what the model held most probable where it wrote its character i."""
    before, sign = page.boxed((state["prompt"] + state["text"][:i])[-12:]), page.boxed(state["text"][i])
    said = f"After {before} it wrote {sign}: {state['bits'][i]:.1f} bits. Most probable:"
    return said + page.bars(state["next"][i])


def html(state):
    """The page as HTML."""
    signs = ""
    for i, colour in enumerate(page.shades(CMAP, state["bits"] / DARKEST)):
        here = " class=here" * (i == state["shown"])
        signs += (
            f"<span{here} data-letter data-set='{{\"character\": {i + 1}}}' style=background:{colour}>"
            f'{page.character(state["text"][i])}<span class="beside next">{guesses(state, i)}</span></span>'
        )
    setting = f'{{"seed": {(state["seed"] + 1) % SEEDS}, "character": 0}}'
    again = f"<button class=again data-set='{setting}'>Another sample</button>"
    legend = page.scale(
        CMAP, "surprisal after temperature and top-k: 0 bits, sure", f"{DARKEST} bits and more"
    )
    cut = f"<p>The prompt's first {state['cut']} characters were not read.</p>" if state["cut"] else ""
    prompt = "".join(map(page.character, state["prompt"]))
    name = f"Character {state['character']}" if state["character"] else "The greatest surprise"
    return page.wrapped(
        finding(state),
        f'{again}<div class="row"><div class="page large"><b>{prompt}</b>{signs}</div>'
        f'<div class="beside"><b>{name}</b><br>{guesses(state, state["shown"])}'
        f"Point at any other character, or click it to keep it.</div></div><p>{legend}</p>{cut}",
    )


def build(figure):
    """All artists of the still picture."""
    axes = figure.add_subplot()
    axes.set_title("\n", fontsize=11)  # room for the caption
    artists = page.build(axes, LINES, CMAP, 0, DARKEST, 11.5)
    artists["caption"] = axes.add_artist(Caption(0.5, 1.09, 11))
    figure.colorbar(artists["cells"], ax=axes, label="surprisal (bits)", extend="max", pad=0.01, aspect=12)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    none = np.full(len(state["prompt"]), np.nan)
    page.update(artists, state["prompt"] + state["text"], np.concatenate([none, state["bits"]]))
    artists["caption"].set_text(finding(state))
