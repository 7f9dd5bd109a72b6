"""Chapter 0's explorer of fitting: capacity, data, noise and weight decay on one curve."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import headline, in_few, legend, mark, moving, within
from course.explorers.picture import Picture
from course.plots import COLOURS

HIGH = 2.6  # of the scale of y, up and down
FLOOR, MOST = 1e-2, 10.0  # of the errors' scale
FAR = 100.0  # a fit further out is drawn here, beyond the picture's edge
MOST_SIZE = 30
MOST_POINTS = 100
HELD_OUT = 500  # points
GRID = np.linspace(-1, 1, 241)  # of the curves over x
WORSE = 1.2  # times the lowest held-out error: from here on a model is too small or too large
REGIONS = {"under": COLOURS[5], "over": COLOURS[4]}
DECAYS = (0.0, *(float(f"{m}e{power}") for power in range(-9, 1) for m in (1, 3)), 10.0)
ALT = (
    "A curve with noisy points around it and the fit of the chosen model; beside it the errors on the "
    "training points and on held-out points against the model's size on a log scale, with the sizes that "
    "underfit and those that overfit shaded to the left and to the right of the best."
)


def fitting(features, ridge):
    """Explore how well a model of some size fits the points that it saw, and points that it did not see.

    Args:
        features: dict of a short name to a function (x (N,) float64 in [-1, 1], size) -> (N, size + 1), of
            which the first column is 1 and a row depends on its own x alone.
        ridge: function (features (N, P), y (N,), weight_decay) -> w (P,): it minimises the mean squared error
            plus weight_decay times the sum of the squares of w without its first entry. Where several w do,
            as with more weights than points and no decay, it must choose one.
    """
    seen = lru_cache(maxsize=4)(lambda model, seed: matrices(features[model], seed))
    fits = lru_cache(maxsize=256)(lambda model, seed, *rest: survey(ridge, seen(model, seed), seed, *rest))
    decays = [(in_few(decay), decay) for decay in DECAYS]
    controls = {
        "size": slider("size", (0, MOST_SIZE), 12, "how many features there are beside the constant one"),
        "decay": list_slider("weight decay", decays, 0.0, "the price of a large weight: 0, then a log scale"),
        "points": slider("points", (5, MOST_POINTS), 20, "how many points the fit sees"),
        "noise": slider("noise", (0, 0.6, 0.05), 0.3, "the standard deviation of the noise on y"),
        "model": menu("model", features, None, "which features of x the fit weighs"),
        "grabbed": slider("which point", (1, MOST_POINTS), 7, "which point is moved up or down"),
        "shift": slider("moved by", (-4, 4, 0.05), 0, "how far up, as long as it stays in the picture"),
        "seed": slider("seed", (0, 9), 0, "another draw of all points"),
    }
    return Explorer(
        "fitting",
        controls,
        partial(compute_fitting, seen, fits),
        Picture(build, update, (8.4, 4.0)),
        ALT,
        main=("size", "decay"),
        adjust=lambda controls, state: setattr(controls["grabbed"], "max", state["points"]),
        touch={"fit": grab, "errors": lambda state, x, y: {"size": x}},
        play="size",
        hint="Drag a point up or down, or play the sizes.",
    )


def grab(state, x, y):
    """The point at (x, y), across more than upwards, is moved to the height y; one that moves is kept."""
    upwards = state["y"] - y
    upwards[state["moved"]] /= 20
    nearest = int(np.hypot(10 * (state["x"] - x), upwards).argmin())
    shifted = state["shift"] if nearest == state["moved"] else 0
    return {"grabbed": nearest + 1, "shift": y - state["y"][nearest] + shifted}


def truth(x):
    """The curve that the points scatter around; |y| stays below 1.2."""
    return 0.9 * np.sin(np.pi * x) + 0.3 * np.cos(2.5 * np.pi * x)


def draw(seed):
    """The places and the noise of one seed's points, before the noise is scaled.

    Fewer points are the first of them, and more noise is the same noise enlarged: a slider changes one thing.

    Returns:
        x, noise: (MOST_POINTS + HELD_OUT,) each, the training points first; x in [-1, 1], noise N(0, 1).
    """
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, MOST_POINTS + HELD_OUT), rng.standard_normal(MOST_POINTS + HELD_OUT)


def matrices(function, seed):
    """A model's features of every size up to MOST_SIZE, at a seed's points and at GRID.

    Returns:
        list of (MOST_POINTS + HELD_OUT + len(GRID), size + 1) float64 tensors, rows in this order.
    """
    x = torch.from_numpy(np.concatenate([draw(seed)[0], GRID]))
    with torch.no_grad():
        return [torch.as_tensor(function(x, size)).double() for size in range(MOST_SIZE + 1)]


@torch.no_grad()
def survey(ridge, tables, seed, decay, points, noise, moved, shift):
    """The fits of every size.

    Args:
        tables: what `matrices` returned for this seed.
        moved, shift: which point is moved, and by how much.
    Returns:
        dict: x, y (points,), the training points; weights, a list of (size + 1,) tensors; train and held_out
        (MOST_SIZE + 1,), the roots of the mean squared errors, inf where a fit is not finite; shift, as far
        as the point stayed in the picture.
    """
    x, scatter = draw(seed)
    y = truth(x) + noise * scatter
    shifted = np.clip(y[moved] + shift, -HIGH, HIGH)
    shift, y[moved] = shifted - y[moved], shifted
    targets, weights, errors = torch.from_numpy(y), [], []
    for table in tables:
        w = torch.as_tensor(ridge(table[:points], targets[:points], decay)).double()
        residuals = (table[: len(y)] @ w - targets) ** 2
        errors.append((residuals[:points].mean().sqrt(), residuals[MOST_POINTS:].mean().sqrt()))
        weights.append(w)
    errors = np.array(errors, dtype=float)
    train, held_out = np.where(np.isfinite(errors), errors, np.inf).T
    found = {"weights": weights, "train": train, "held_out": held_out}
    return found | {"x": x[:points], "y": y[:points], "shift": float(shift)}


def compute_fitting(seen, fits, *, model, size, decay, points, noise, grabbed, shift, seed):
    """The numbers behind one picture of a fit.

    Args:
        seen: function (model, seed) -> what `matrices` returned.
        fits: function (model, seed, decay, points, noise, moved, shift) -> what `survey` returned.
    Returns:
        dict: what `survey` returned but for the weights; fit (len(GRID),); best, the size of the lowest
        held-out error; moved, the place of the point that is moved; strong, whether this error is more than
        WORSE times the lowest without decay; under and over (MOST_SIZE + 1,), bool: the sizes whose held-out
        error is more than WORSE times the lowest and that lie below the best, or above it; if the decay is
        too strong, all these sizes underfit.
    """
    moved = min(grabbed, points) - 1
    found = dict(fits(model, seed, decay, points, noise, moved, shift))
    free = fits(model, seed, 0.0, points, noise, moved, shift)["held_out"].min()
    weights, held_out = found.pop("weights")[size], found["held_out"]
    best, sizes = int(held_out.argmin()), np.arange(MOST_SIZE + 1)
    worse = held_out > WORSE * max(min(free, held_out[best]), FLOOR)
    strong = bool(worse[best])
    return found | {
        "fit": (seen(model, seed)[size][-len(GRID) :] @ weights).numpy(),
        "best": best,
        "moved": moved,
        "strong": strong,
        "under": worse & (strong | (sizes < best)),
        "over": worse & (sizes > best) & (not strong),
    }


def build(figure):
    """All artists: the points and the fit to the left, the errors against the size to the right."""
    artists = {"caption": headline(figure)}
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    left.set_title("\n", fontsize=11)  # room for the legends
    return artists | _build_fit(left) | _build_errors(right)


def _build_fit(axes):
    axes.set_label("fit")
    axes.set(xlabel="$x$", ylabel="$y$", xlim=(-1.04, 1.04), ylim=(-HIGH, HIGH))
    line = axes.plot(GRID, truth(GRID), color="0.35", linewidth=1.1, zorder=2)[0]
    artists = {
        "points": mark(axes, "o", "white", 6),
        "moved": mark(axes, "o", COLOURS[4], 11, zorder=5),
        "fit": axes.plot(GRID, 0 * GRID, color=COLOURS[1], linewidth=2.2, zorder=3)[0],
    }
    legend(axes, [line, artists["points"], artists["fit"]], ["truth", "training points", "fit"], y=0.99)
    return artists


def _build_errors(axes):
    axes.set_label("errors")
    axes.set(xlabel="size of the model (weights beside the intercept)", yscale="log")
    axes.set(xlim=(-0.5, MOST_SIZE + 0.5), ylim=(FLOOR, MOST))
    axes.set_ylabel("root mean squared error")
    axes.set_yticks((0.01, 0.1, 1, 10), ("0.01", "0.1", "1", "10"))
    curve = dict(linewidth=1.6, markersize=3, zorder=3)
    sizes = np.arange(MOST_SIZE + 1)
    band = dict(edges=np.arange(MOST_SIZE + 2) - 0.5, baseline=FLOOR, fill=True, alpha=0.3, zorder=0)
    artists = {name: axes.stairs(sizes, color=colour, **band) for name, colour in REGIONS.items()}
    artists |= {
        "train": axes.plot(sizes, sizes + 1, "s-", color=COLOURS[0], **curve)[0],
        "held_out": axes.plot(sizes, sizes + 1, "o-", color=COLOURS[1], **curve)[0],
        "noise": moving(axes, "--", linewidth=1.2, color="0.35", zorder=2),
        "train here": mark(axes, "s", COLOURS[0], 12, zorder=5),
        "held_out here": mark(axes, "o", COLOURS[1], 8, zorder=6),
    }
    handles = [artists[name] for name in ("train", "under", "held_out", "over", "noise")]
    legend(axes, handles, ["training", "underfitting", "held out", "overfitting", "noise"], columns=3)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["points"].set_data(state["x"], state["y"])
    artists["moved"].set_data([state["x"][state["moved"]]], [state["y"][state["moved"]]])
    artists["fit"].set_ydata(np.clip(state["fit"], -FAR, FAR))
    for name, sign in (("train", "s"), ("held_out", "o")):
        artists[name].set_ydata(within(state[name], FLOOR, MOST))
        _update_here(artists[f"{name} here"], sign, state["size"], state[name][state["size"]])
    artists["noise"].set_data([-0.5, MOST_SIZE + 0.5], within(np.full(2, state["noise"]), FLOOR, MOST))
    for name in REGIONS:
        artists[name].set_data(np.where(state[name], MOST, FLOOR))
    artists["caption"].set_text(caption(state))


def _update_here(here, sign, size, error):
    """An error beyond the panel is an arrow at its lower or upper edge."""
    here.set_data([size], [np.clip(error, FLOOR, MOST)])
    here.set_marker("v" if error < FLOOR else "^" if error > MOST else sign)


def caption(state):
    """Whether the size is too small or too large, its two errors, and which size would have been best."""
    size, best = state["size"], state["best"]
    does = "underfits" if state["under"][size] else "overfits" if state["over"][size] else "fits"
    train, held_out = (said(state[name][size]) for name in ("train", "held_out"))
    why = "too much decay" if state["strong"] else f"lowest: {said(state['held_out'][best])} at size {best}"
    points = f"{state['points']} points"
    return f"Size {size} {does} {points}: error {train} on them, {held_out} on held-out ones ({why})"


def said(error):
    """An error in few characters, which is not spelt out where it is nothing but rounding."""
    return "below 10⁻⁶" if 0 < error < 1e-6 else in_few(error)
