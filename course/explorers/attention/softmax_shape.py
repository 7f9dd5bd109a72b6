"""Chapter 3's explorer of the softmax's shape: what d_k, the scaling and the temperature make of it."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import caption_above, legend, minus, moving, stems
from course.plots import COLOURS

KEYS = 16
SEEDS = 21  # the curves are means over them
D_KS = tuple(2**power for power in range(11))
LIMIT = 3000  # of the logits' picture
LEGEND = dict(room=True, handlelength=2, handletextpad=0.8, borderpad=0)
ALT = (
    "The logits of one query and its attention weights as dots and bars, one a key; beside them the weights' "
    "entropy and the norm of the softmax's Jacobian against the dimension of the keys, as two curves, one "
    "with scaled scores and one without."
)


def softmax_shape(random_scores, entropy, jacobian_norm):
    """Explore how flat or peaked attention's softmax is, and how large its Jacobian.

    Args:
        random_scores: the chapter's function (d_k, keys, seed) -> (keys,) tensor, the unscaled scores q · k
            of one standard normal query with standard normal keys.
        entropy: the chapter's function p (..., n) -> (...) nats; some p are exactly 0.
        jacobian_norm: the chapter's function p (..., n) -> (...), the Frobenius norm of diag(p) − p pᵀ.
    """
    scaling = [("divided by √d_k", True), ("not divided", False)]
    controls = {
        "d_k": list_slider("d_k", D_KS, 64, "how many entries the query and each key have"),
        "scaled": menu(
            "scores", scaling, False, "whether the scores q · k are divided by the square root of d_k"
        ),
        "temperature": slider(
            "temperature",
            (0.1, 4, 0.1),
            1,
            "the scores are divided by it too: below 1 the softmax is more peaked",
        ),
        "seed": slider("seed", (0, SEEDS - 1), 0, "of the random query and keys"),
    }
    compute = partial(compute_softmax_shape, entropy, jacobian_norm, score_table(random_scores))
    picture = Picture(build, update, (9.4, 4.6))
    return Explorer("softmax shape", controls, compute, picture, ALT, main=("d_k", "temperature"))


def score_table(random_scores):
    """All scores that the explorer shows: (len(D_KS), SEEDS, KEYS), drawn once."""
    return torch.stack(
        [torch.stack([random_scores(d_k, KEYS, seed) for seed in range(SEEDS)]) for d_k in D_KS]
    )


def compute_softmax_shape(entropy, jacobian_norm, table, *, d_k, scaled, temperature, seed):
    """The numbers behind one picture of the softmax.

    Args:
        table: what `score_table` returned.
    Returns:
        dict: logits and weights (KEYS,), entropy in nats and jacobian of these weights, entropies and
        jacobians (2, len(D_KS)): means over the seeds, row 0 not scaled, row 1 scaled; spread, the logits'
        standard deviation, and expected, what it is over all queries and keys.
    """
    roots = torch.tensor(D_KS, dtype=table.dtype).sqrt()[:, None, None]
    logits = torch.stack([table, table / roots]) / temperature  # (2, D_KS, SEEDS, KEYS)
    weights = logits.softmax(-1)
    entropies, jacobians = entropy(weights), jacobian_norm(weights)  # (2, D_KS, SEEDS)
    here = (int(scaled), D_KS.index(d_k), seed)
    return {
        "logits": logits[here].numpy(),
        "weights": weights[here].numpy(),
        "entropy": float(entropies[here]),
        "jacobian": float(jacobians[here]),
        "entropies": entropies.mean(-1).numpy(),
        "jacobians": jacobians.mean(-1).numpy(),
        "spread": float(logits[here].std()),
        "expected": (1 if scaled else d_k**0.5) / temperature,
    }


def build(figure):
    """All artists: logits above weights, entropy above the Jacobian's norm."""
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.1))
    artists = {"caption": caption_above(figure, grid, 1.165, "\n\n\n")}
    logits, entropies, weights, jacobians = (figure.add_subplot(cell) for cell in grid)
    artists |= _build_keys(logits, weights)
    for name, axes in (("entropies", entropies), ("jacobians", jacobians)):
        artists |= _build_curves(name, axes)
    entropies.set(ylabel="entropy (nats)", ylim=(-0.1, 3.3))
    entropies.tick_params(axis="x", labelbottom=False)
    entropies.axhline(np.log(KEYS), color="0.35", linewidth=1, linestyle=":")
    entropies.annotate(f"ln {KEYS}", (10.2, np.log(KEYS)), ha="right", va="bottom", fontsize=9)
    shown = [*artists["entropies"], artists["entropies point"]]
    legend(entropies, shown, None, 1, 0.97, "right", columnspacing=1.2, **LEGEND)
    jacobians.set(ylabel="Jacobian's norm", ylim=(-0.02, 0.55))
    jacobians.set_xlabel(f"d_k (curves: means over {SEEDS} seeds)")
    return artists


def _build_keys(logits, weights):
    for axes in (logits, weights):
        axes.set(xlim=(-0.7, KEYS - 0.3), xticks=range(0, KEYS, 3))
    logits.tick_params(axis="x", labelbottom=False)
    logits.set_yscale("symlog", linthresh=1, linscale=0.7)
    ticks = (-1000, -100, -10, -1, 0, 1, 10, 100, 1000)
    logits.set(ylabel="logit, on a log\nscale beyond ±1", ylim=(-LIMIT, LIMIT))
    logits.set_yticks(ticks, [minus(f"{tick:,}") for tick in ticks], fontsize=9)
    logits.minorticks_off()
    logits.axhline(0, color="0.7", linewidth=1, zorder=0)
    weights.set(xlabel="key", ylabel="weight", ylim=(0, 1.02), yticks=(0, 0.25, 0.5, 0.75, 1))
    equal = weights.axhline(1 / KEYS, color="0.35", linewidth=1, linestyle=":", label=f"all equal: 1/{KEYS}")
    legend(weights, [equal], None, 1, 0.97, "right", **LEGEND)
    return {
        "logits": moving(logits, "o", color=COLOURS[0], markersize=5),
        "stems": moving(logits, color=COLOURS[0], linewidth=1),
        "weights": list(weights.bar(range(KEYS), 0.5, color=COLOURS[0], width=0.75)),
    }


def _build_curves(name, axes):
    axes.set(xlim=(-0.3, len(D_KS) - 0.7))
    axes.set_xticks(range(len(D_KS)), D_KS)
    axes.grid(True)
    style = dict(linewidth=1.5, markersize=4)
    plain = moving(axes, "s--", color=COLOURS[1], label="q · k", **style)
    divided = moving(axes, "o-", color=COLOURS[2], label="q · k / √d_k", **style)
    shown = moving(axes, "D", color=COLOURS[0], markersize=9, label="the weights shown")
    return {name: [plain, divided], f"{name} point": shown}


def update(artists, state):
    """Put a state's numbers into the artists."""
    keys, logits = np.arange(KEYS), state["logits"]
    artists["logits"].set_data(keys, logits)
    artists["stems"].set_data(*stems(keys, logits))
    for bar, weight in zip(artists["weights"], state["weights"], strict=True):
        bar.set_height(float(weight))
    for name, value in (("entropies", state["entropy"]), ("jacobians", state["jacobian"])):
        for line, values in zip(artists[name], state[name], strict=True):
            line.set_data(range(len(D_KS)), values)
        artists[f"{name} point"].set_data([D_KS.index(state["d_k"])], [value])
    formula = "q · k / √d_k" if state["scaled"] else "q · k"
    artists["caption"].set_text(
        f"logits {formula} with d_k = {state['d_k']}, temperature {state['temperature']:.1f}: standard "
        f"deviation {state['spread']:.3g} (in theory {state['expected']:.3g})\n"
        f"entropy {state['entropy']:.3f} of at most ln {KEYS} = {np.log(KEYS):.3f} nats, largest weight "
        f"{state['weights'].max():.3f}, Jacobian's norm {state['jacobian']:.2g}"
    )
