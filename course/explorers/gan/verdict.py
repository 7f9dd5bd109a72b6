"""Chapter 5's explorer of the discriminator: what it says to a digit that you draw."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.drawing import Strokes, build_pad, digit_image, update_pad
from course.explorers.parts import arrays, headline, legend, minus, moving, panel
from course.explorers.picture import Picture
from course.plots import COLOURS

MINE, REAL, MADE = "your drawing", "a test digit", "a generated digit"
TURNED = "the same, turned by 90°"
MOST = 500  # of test digits, and of generated ones
LOW, HIGH = -2.0, 2.5  # of the logits' scale; verdicts beyond are drawn at its ends
GRID = np.linspace(LOW, HIGH, 181)
WIDTH = 0.12  # of the bell that stands for one verdict in a distribution
CHANCES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9)  # of real, marked on the upper scale
PAD = 2.5  # inches
ALT = (
    "A pad with a digit, drawn or chosen, and the same digit as the discriminator sees it; beside it the "
    "distributions of its logits for test digits, for these turned by a quarter and for generated digits, "
    "with an upright line at the logit of the digit on the pad."
)


def verdict(discriminator, real, generated):
    """Explore what a GAN's discriminator says to a drawing, beside real and generated digits.

    Args:
        discriminator: function images (N, 28, 28) float32, 0 to 1, 1 = ink -> (N,), before the sigmoid.
        real: (N, 28, 28), digits that it was not trained on.
        generated: (M, 28, 28), made by the generator that it was trained against.
    """
    judge, count = partial(logits_of, discriminator), min(MOST, len(real), len(generated))
    known = {REAL: in_order(judge, real[:count]), MADE: in_order(judge, generated[:count])}
    groups = {
        "test digits": known[REAL][1],
        TURNED: judge(real[:count].rot90(-1, (1, 2))),
        "generated digits": known[MADE][1],
    }
    controls = {
        "source": menu("on the pad", (MINE, REAL, MADE), None, "what the discriminator is shown"),
        "drawing": Strokes(),
        "rank": slider(
            "rank: least to most real", (1, count), count // 2, "of a test digit or a generated one"
        ),
        "turn": list_slider("turned by", [(f"{90 * k}°", k) for k in range(4)], 0, "clockwise"),
    }
    source, digit = controls["source"], {MINE: REAL, REAL: REAL, MADE: MADE}
    controls["drawing"].in_place_of(source, MINE)
    controls["rank"].observe(lambda change: source.set_trait("value", digit[source.value]), "value")
    return Explorer(
        "the discriminator's verdict", controls, partial(compute_verdict, judge, known, groups),
        Picture(partial(build, groups), update, (8.4, 4.0)), ALT, main=("source", "drawing"),
        ink={"pad": "drawing"}, touch={"verdicts": partial(at_logit, known)},
        hint="Draw on the pad, or click a place among the verdicts.",
    )  # fmt: skip


@torch.no_grad()
def logits_of(discriminator, images):
    """The logits of images (N, 28, 28): a float64 array (N,)."""
    return arrays(discriminator(torch.as_tensor(images, dtype=torch.float32)))


def in_order(judge, images):
    """Images (N, 28, 28) from the least to the most real, and their logits: two arrays."""
    logits = judge(images)
    order = np.argsort(logits, kind="stable")
    return arrays(images)[order], logits[order]


def at_logit(known, state, x, y):
    """The digit whose logit is nearest to a place among the verdicts: a generated one where these are shown,
    else a test digit.
    """
    source = MADE if state["source"] == MADE else REAL
    return {"source": source, "rank": 1 + int(np.abs(known[source][1] - x).argmin()), "turn": 0}


def compute_verdict(judge, known, groups, *, source, drawing, rank, turn):
    """The numbers behind one picture of the verdict.

    Args:
        judge: function images -> logits.
        known: of REAL and of MADE, images and logits as `in_order` gives them.
        groups: dict of a group's name to its logits.
        drawing: strokes, as `drawing.Strokes` keeps them.
        rank: of the digit, from 1, the least real.
        turn: quarters of a turn, clockwise.
    Returns:
        dict: known (28, 28), the digit on the pad, but for a drawing; seen (28, 28), what the discriminator
        is shown; logit; probability of real; above, dict of a group's name to the share of its digits with a
        lower logit; empty, whether there is nothing to judge.
    """
    image = digit_image(drawing) if source == MINE else known[source][0][rank - 1]
    seen = np.rot90(image, -turn).copy()
    logit = float(judge(seen[None])[0])
    return {
        "known": 0 * image if source == MINE else image,
        "seen": seen,
        "logit": logit,
        "probability": float(1 / (1 + np.exp(-logit))),
        "above": {name: float((logits < logit).mean()) for name, logits in groups.items()},
        "empty": source == MINE and not drawing,
    }


def density(logits):
    """How verdicts are distributed: a smooth curve over GRID, of area 1."""
    bells = np.exp(-0.5 * ((GRID - logits.clip(LOW, HIGH)[:, None]) / WIDTH) ** 2)
    return bells.mean(0) / (WIDTH * np.sqrt(2 * np.pi))


def build(groups, figure):
    """All artists: the pad and what the discriminator sees to the left, the verdicts to the right."""
    artists = {"caption": headline(figure)}
    pad, seen = panel(figure, 12, 58, 100 * PAD, 100 * PAD, "pad"), panel(figure, 276, 128, 110, 110)
    seen.set(xticks=(), yticks=())
    seen.set_title("as it is seen", fontsize=9, pad=3)
    seen.spines[:].set(visible=True, color="0.6")
    figure.text(0.5, 0.03, told(groups), ha="center", fontsize=9, linespacing=1.4)
    verdicts = _build_verdicts(panel(figure, 415, 103, 410, 205, "verdicts"), groups)
    image = seen.imshow(np.zeros((28, 28)), cmap="gray_r", vmin=0, vmax=1)
    return artists | build_pad(pad, PAD) | verdicts | {"seen": image}


def _build_verdicts(axes, groups):
    curves = {name: density(logits) for name, logits in groups.items()}
    top = 1.12 * max(curve.max() for curve in curves.values())
    axes.set(xlim=(LOW, HIGH), ylim=(0, top), yticks=())
    axes.set(xlabel="logit of the discriminator", ylabel="share of digits")
    looks = ((COLOURS[0], "-"), (COLOURS[6], ":"), (COLOURS[1], "--"))
    for (name, curve), (colour, style) in zip(curves.items(), looks, strict=True):
        axes.plot(GRID, curve, color=colour, linestyle=style, linewidth=2, label=name)
        axes.fill_between(GRID, curve, color=colour, alpha=0.1, linewidth=0)
    legend(axes, axes.lines[:], y=1.21)
    upper = axes.secondary_xaxis("top", functions=(lambda a: a, lambda a: a))
    places = [np.log(chance / (1 - chance)) for chance in CHANCES]
    upper.set_xticks(places, [f"{100 * chance:.0f} %" for chance in CHANCES], fontsize=9)
    upper.set_xlabel("probability of real", fontsize=9)
    return {"rule": moving(axes, color="black", linewidth=2.2, zorder=4)}


def update(artists, state):
    """Put a state's numbers into the artists."""
    update_pad(artists, state["drawing"] if state["source"] == MINE else (), state["known"])
    artists["seen"].set_data(state["seen"])
    place = np.clip(state["logit"], LOW, HIGH)
    artists["rule"].set_data([] if state["empty"] else [place] * 2, [] if state["empty"] else [0, 10])
    artists["caption"].set_text(finding(state))


def told(groups):
    """How often each group is taken for real, and what that says of the discriminator; two lines."""
    shares = ", ".join(f"{100 * (logits > 0).mean():.0f} % of {name}" for name, logits in groups.items())
    return (
        f"Taken for real (logit above 0): {shares}.\n"
        "It was trained to tell training pictures from generated ones, not digits from other images."
    )


def finding(state):
    """Where the verdict lies among those on real and on generated digits, in one line."""
    if state["empty"]:
        return "Draw a digit on the pad: the discriminator judges it while you draw"
    above = [f"{100 * share:.0f} % of {name}" for name, share in state["above"].items() if name != TURNED]
    said = minus(f"{round(state['logit'], 2) + 0.0:.2f}")  # no "−0.00"
    chance = f"{100 * state['probability']:.0f} %"
    return f"Logit {said}, real with {chance}: higher than for {' and '.join(above)}"
