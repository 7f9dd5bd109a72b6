"""Chapter 3's explorer of the softmax's shape: scores divided by √d and not, and what gradient is left."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, slider
from course.explorers.parts import headline, mark, minus, moving
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Texts

KEYS = 6
SEEDS = 401  # the curves are medians over them
SHOWN = 20  # of them can be chosen
SIZES = tuple(sorted({round(2 ** (i / 4)) for i in range(33)}))  # of a query and a key: 1 to 256
PLACES = np.log2(SIZES)  # on the axis
LEAST = 1e-5  # of the gradient's axis
DEAD = 3.0  # so many times smaller, the title says so
WAYS = {  # title, score, colour, line
    "plain": ("not divided", r"$q \cdot k_j$", COLOURS[1], "--"),
    "divided": (r"divided by $\sqrt{d}$", r"$q \cdot k_j / \sqrt{d}$", COLOURS[0], "-"),
}
ALT = (
    "Attention weights of one query as two sets of bars, their scores below them: not divided, where one bar "
    "rises alone as the dimension grows, and divided by its root, where all keep some height; beside them "
    "the softmax's gradient against the dimension, which dies on the first way alone."
)


def softmax_shape(jacobian_norm):
    """Explore why attention divides its scores: how peaked the softmax is, and how large its gradient.

    Args:
        jacobian_norm: the chapter's function p (..., n) -> (...), the Frobenius norm of diag(p) − p pᵀ.
    """
    controls = {
        "d": list_slider(
            "entries of a key, d", SIZES, SIZES[-1], "how many entries the query and each key have"
        ),
        "seed": slider("sample", (1, SHOWN), 1, "another query and other keys, drawn at random"),
    }
    table = score_table()
    medians = jacobian_norm(table.softmax(-1)).median(-1).values.numpy()
    compute = partial(compute_softmax_shape, jacobian_norm, table, medians)
    return Explorer(
        "softmax shape", controls, compute, Picture(build, update, (8.4, 3.7)), ALT, main=("d",),
        touch={"gradient": lambda state, x, y: {"d": 2**x}},
        play="d", pace=200, hint="Play, or drag in the right panel.",
    )  # fmt: skip


def score_table():
    """All scores that the explorer shows: (2, len(SIZES), SEEDS, KEYS) float64, undivided and divided by √d.

    A sample has one standard normal query and such keys; its scores of size d are those of their first d
    entries.
    """
    rng = torch.Generator().manual_seed(144)
    q, k = (torch.randn(SEEDS, n, SIZES[-1], generator=rng, dtype=torch.float64) for n in (1, KEYS))
    sizes = torch.tensor(SIZES)
    scores = (q * k).cumsum(-1)[..., sizes - 1]
    return torch.stack([scores, scores / sizes.sqrt()]).movedim(-1, 1)


def compute_softmax_shape(jacobian_norm, table, medians, *, d, seed):
    """The numbers behind one picture of the softmax.

    Args:
        table: what `score_table` returned.
        medians: (2, len(SIZES)), the Jacobian's norm at each size, the median of all samples.
    Returns:
        dict: scores and weights (2, KEYS), row 0 of the undivided scores, row 1 of those divided by √d;
        gradient (2,), their Jacobians' norms; gradients: the medians.
    """
    scores = table[:, SIZES.index(d), seed - 1]
    weights = scores.softmax(-1)
    return {
        "scores": scores.numpy(),
        "weights": weights.numpy(),
        "gradient": jacobian_norm(weights).numpy(),
        "gradients": medians,
    }


def build(figure):
    """All artists: undivided and divided weights side by side, and the gradients of both."""
    artists = {"caption": headline(figure)}
    *halves, right = figure.subplots(1, 3)
    right.set_label("gradient")
    for axes, (name, (title, score, colour, _)) in zip(halves, WAYS.items(), strict=True):
        axes.set_title(title, color=colour, fontweight="bold")
        axes.set(xlim=(-0.6, KEYS - 0.4), ylim=(0, 1.08), yticks=(0, 0.25, 0.5, 0.75, 1), xticks=[])
        axes.set_xlabel(f"\nscore {score} of each key", fontsize=10)  # below the numbers
        artists[name] = list(axes.bar(range(KEYS), 0.5, color=colour, width=0.72))
        artists[f"{name} scores"] = axes.add_artist(Texts(8.5, "DejaVu Sans"))
        artists[f"{name} scores"].set_transform(axes.get_xaxis_transform())
        artists[f"{name} top"] = axes.add_artist(Texts(9, "DejaVu Sans"))
    halves[0].set_ylabel("attention weight")
    halves[1].tick_params(axis="y", labelleft=False)
    return artists | _build_gradients(right)


def _build_gradients(axes):
    axes.set_title("softmax's gradient", fontweight="bold")
    axes.set(xlim=(-0.3, 8.3), yscale="log", ylim=(LEAST, 3))
    axes.set_xticks(range(0, 9, 2), [2**power for power in range(0, 9, 2)])
    axes.set_xlabel("entries $d$")
    axes.set_ylabel(r"norm of $\partial$weights / $\partial$scores")
    axes.set_yticks([10.0**power for power in range(-5, 1)])
    axes.minorticks_off()
    axes.grid(True)
    artists = {}
    for name, (_, _, colour, form) in WAYS.items():
        artists[f"{name} median"] = moving(axes, form, color=colour, linewidth=2)
        artists[f"{name} here"] = mark(axes, "D", colour, 7 if name == "divided" else 10)
    axes.text(0, 0.9, "divided", color=COLOURS[0])
    axes.text(0, 2.5e-2, "not divided", color=COLOURS[1])
    axes.text(0, 5e-5, f"◆ this sample\nlines: medians of {SEEDS}", fontsize=8.5, color="0.25")
    return artists | {"below": axes.add_artist(Texts(9, "DejaVu Sans", align=1))}


def update(artists, state):
    """Put a state's numbers into the artists."""
    place = np.log2(state["d"])
    for row, name in enumerate(WAYS):
        scores, weights = state["scores"][row], state["weights"][row]
        for bar, weight in zip(artists[name], weights, strict=True):
            bar.set_height(float(weight))
        artists[f"{name} scores"].set_data(range(KEYS), -0.05, [_short(score) for score in scores])
        artists[f"{name} top"].set_data(weights.argmax(), weights.max() + 0.035, [f"{weights.max():.2f}"])
        artists[f"{name} median"].set_data(PLACES, np.maximum(state["gradients"][row], LEAST))
        artists[f"{name} here"].set_data([place], [max(state["gradient"][row], LEAST)])
    off = state["gradient"][0] < LEAST
    artists["below"].set_data([place - 0.3], [1.4 * LEAST], ["off the scale ↓" if off else ""])
    artists["caption"].set_text(caption(state))


def _short(score):
    text = f"{score:.0f}" if abs(score) >= 9.95 else f"{score:.1f}"
    return minus(text.replace("-0.0", "0.0"))


def caption(state):
    """What the picture shows, in one line."""
    (plain, divided), (large, small) = state["gradients"][:, SIZES.index(state["d"])], state["weights"].max(1)
    if state["d"] == 1:
        return "One entry: dividing by √1 changes nothing"
    if divided < DEAD * plain:
        return (
            f"Not divided, the largest weight is {large:.2f} in place of {small:.2f}; "
            f"the softmax's gradient: typically {plain:.2f}"
        )
    share = "over 99 %" if large > 0.99 else f"{100 * large:.0f} %"
    times = f"{float(f'{divided / plain:.2g}'):,g} times"
    return f"Not divided, one key takes {share}; the softmax's gradient is typically {times} smaller"
