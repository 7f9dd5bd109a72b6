"""Chapter 5's explorer of the smallest adversarial game: one point against one slope, step by step."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import (
    FADING,
    arrays,
    arrow_path,
    caption_above,
    factor_text,
    fading_path,
    legend,
    mark,
    minus,
    moving,
    within,
)
from course.plots import COLOURS

HALF = 2.2  # of the side of the plane shown
ACROSS = 15  # arrows in a row
FLOOR, MOST = 1e-4, 10.0  # of the distances' scale
FAR = 100.0  # places further out are drawn here, beyond the picture's edge
STEPS, STRIDE = 300, 5  # of a run; between two pictures of it
EVERY = 3  # steps from one dot of the path to the next
# Spaced evenly on a log scale, but for their rounding and the 0.
GAMMAS = (0, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
ORDERS = ("alternating", "simultaneous")
GRID = np.linspace(-HALF, HALF, ACROSS + 2)[1:-1]  # of the arrows, along either axis
MIDDLES = np.stack(np.meshgrid(GRID, GRID), -1).reshape(-1, 2)
LENGTH = 0.2  # of an arrow
MARGINAL = 1e-9  # of |λ| around 1
ALT = (
    "The plane of the generator's point and the discriminator's slope, with arrows for the direction of an "
    "update, the path of training from its start up to the present step over the whole path in grey, and a "
    "cross at the equilibrium; beside it the distance from the equilibrium over the steps on a log scale, "
    "with the straight line that the largest eigenvalue of the update predicts."
)


def dirac(field, path, multiplier, losses, penalties):
    """Explore the Dirac GAN: the data is the point 0, the generator the point theta, the logit psi·x.

    Args:
        field: function (theta (N,), psi (N,), loss, penalty, gamma) of float64 arrays -> (dtheta (N,), dpsi
            (N,)), the direction of gradient descent of both sides.
        path: function (theta, psi, loss, penalty, gamma, lr_g, lr_d, alternating, steps) -> (steps + 1, 2),
            theta and psi from the start on; may grow without bound.
        multiplier: function (loss, penalty, gamma, lr_g, lr_d, alternating) -> |λ|, the largest modulus of
            the update's eigenvalues at (0, 0), or None where there is none.
        losses, penalties: sequences of the names that the functions know. A penalty has no force at γ = 0,
            except for clipping, which has no γ.
    Source: Mescheder et al. 2018, section 2.
    """
    ends = (-2, 2, 0.1)
    controls = {
        "gamma": list_slider("strength γ of the penalty", GAMMAS, 0, "on a log scale, after 0 for none"),
        "penalty": menu("penalty", penalties, None, "what holds the discriminator's slope"),
        "step": slider("step", (0, STEPS, STRIDE), STEPS, "up to which step the path is drawn", ".0f"),
        "loss": menu("loss", losses, None, "what both sides minimise"),
        "order": menu("order", ORDERS, None, "whether the generator moves after the discriminator, or with it"),
        "lr": list_slider("learning rate of both", RATES, 0.1, "on a log scale"),
        "theta": slider("start θ", ends, 1, "the generator's point at the start; the data is at 0", ".1f"),
        "psi": slider("start ψ", ends, 0, "the slope of the discriminator's logit at the start", ".1f"),
    }
    seen = lru_cache(maxsize=1024)(lambda *setting: directions(field, *setting))
    travelled = lru_cache(maxsize=256)(lambda *setting: travel(path, multiplier, *setting))
    return Explorer(
        "Dirac GAN", controls, partial(compute_dirac, travelled, seen),
        Picture(build, update, (8.4, 4.0)), ALT, main=("gamma", "penalty"),
        touch={
            "plane": lambda state, x, y: {"theta": x, "psi": y},
            "distance": lambda state, x, y: {"step": x},
        },
        play="step", hint="Drag the start, or play the steps.",
    )  # fmt: skip


def directions(field, loss, penalty, gamma):
    """The field on the grid: (ACROSS, ACROSS, 2), rows upwards, of length 1, or 0 where nothing moves."""
    psi, theta = (array.ravel() for array in np.meshgrid(GRID, GRID, indexing="ij"))
    parts = [np.asarray(part, dtype=float) for part in field(theta, psi, loss, penalty, gamma)]
    moves = np.stack(parts, 1).reshape(ACROSS, ACROSS, 2)
    length = np.linalg.norm(moves, axis=2, keepdims=True)
    return np.divide(moves, length, out=np.zeros_like(moves), where=length > 0)


def travel(path, multiplier, theta, psi, loss, penalty, gamma, lr, alternating):
    """One whole run.

    Returns:
        dict: path (STEPS + 1, 2); distances (STEPS + 1,) from (0, 0), inf from where the path is not finite;
        turns (STEPS + 1,) around (0, 0) so far, NaN from there on; multiplier, |λ|, and predicted
        (STEPS + 1,) distances, or None for both.
    """
    with np.errstate(all="ignore"):  # a path that leaves may overflow
        places = arrays(torch.as_tensor(path(theta, psi, loss, penalty, gamma, lr, lr, alternating, STEPS)))
        factor = multiplier(loss, penalty, gamma, lr, lr, alternating)
        distances = np.hypot(*places.T)
        predicted = None if factor is None else distances[0] * float(factor) ** np.arange(STEPS + 1)
        turns = np.abs(np.unwrap(np.arctan2(places[:, 1], places[:, 0]))) / (2 * np.pi)
    fine = np.isfinite(places).all(1)
    return {
        "path": places,
        "distances": np.where(fine, distances, np.inf),
        "turns": np.where(fine, np.abs(turns - turns[0]), 0.0),
        "multiplier": None if factor is None else float(factor),
        "predicted": predicted,
    }


def compute_dirac(travelled, seen, *, gamma, penalty, step, loss, order, lr, theta, psi):
    """The numbers behind one picture of the Dirac GAN.

    Args:
        travelled: `travel` without its first two arguments.
        seen: function (loss, penalty, gamma) -> what `directions` returned for these.
    Returns:
        dict: what `travel` returns; arrows (ACROSS, ACROSS, 2) as `directions` gives them; step, an int.
    """
    run = travelled(theta, psi, loss, penalty, gamma, lr, order == "alternating")
    return run | {"arrows": seen(loss, penalty, gamma), "step": round(step)}


def build(figure):
    """All artists: the phase portrait to the left, the distance over the steps to the right."""
    figure.get_layout_engine().set(wspace=0.06)
    grid = figure.add_gridspec(1, 2, width_ratios=(1, 1.05))
    artists = {"caption": caption_above(figure, grid, 1.13, room="\n\n", size=11)}
    artists |= _build_plane(figure.add_subplot(grid[0]))
    return artists | _build_distance(figure.add_subplot(grid[1]))


def _build_plane(axes):
    axes.set_label("plane")
    axes.set(xlabel="generator θ (the data is at 0)", ylabel="discriminator ψ (logit ψ·x)")
    axes.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), box_aspect=1, xticks=range(-2, 3), yticks=range(-2, 3))
    dots = axes.scatter(*np.zeros((2, 2)), s=14, c=np.zeros(2), cmap=FADING, vmin=0, vmax=STEPS, zorder=3)
    dots.set_linewidth(0)
    artists = {
        "arrows": moving(axes, color="0.72", linewidth=1.0, solid_joinstyle="miter", zorder=1),
        "whole": moving(axes, color="0.55", linewidth=0.8, zorder=2),
        "dots": dots,
        "rest": axes.plot(0, 0, "x", color="black", markersize=9, markeredgewidth=2.2, zorder=4)[0],
        "start": mark(axes, "o", "white", 9, markeredgewidth=1.6, zorder=5),
        "end": mark(axes, "D", COLOURS[0], 8, zorder=6),
    }
    handles = [artists["start"], fading_path(), artists["end"], artists["rest"]]
    legend(axes, handles, ["start", "path", "now", "equilibrium"], fontsize=9)
    return artists


def _build_distance(axes):
    axes.set_label("distance")
    axes.set(xlabel="step", ylabel="distance from the equilibrium", yscale="log")
    axes.set(xlim=(0, STEPS), ylim=(FLOOR, MOST))
    axes.minorticks_off()
    artists = {
        "whole distance": moving(axes, color="0.55", linewidth=0.8, zorder=2),
        "distance": moving(axes, color=COLOURS[1], linewidth=2.2, zorder=3),
        "predicted": moving(axes, "--", color=COLOURS[0], linewidth=1.6, zorder=4),
        "here": mark(axes, "D", COLOURS[0], 8, zorder=5),
    }
    legend(axes, [artists["distance"], artists["predicted"]], ["this path", r"start · $|\lambda|^{step}$"])
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    step = state["step"]
    along = LENGTH * state["arrows"].reshape(-1, 2)
    artists["arrows"].set_data(*arrow_path(MIDDLES - along / 2, along).T)
    places = np.clip(np.where(np.isfinite(state["path"]), state["path"], np.nan), -FAR, FAR)
    artists["whole"].set_data(*places.T)
    chosen = np.arange(0, step + 1, EVERY)
    artists["dots"].set_offsets(places[chosen])
    artists["dots"].set_array(chosen)
    artists["start"].set_data(*places[0, :, None])
    artists["end"].set_data(*places[step, :, None])
    distances = np.where(np.isfinite(state["distances"]), state["distances"], np.nan)
    shown, steps = within(distances, FLOOR, MOST), np.arange(STEPS + 1)
    artists["whole distance"].set_data(steps, shown)
    artists["distance"].set_data(steps[: step + 1], shown[: step + 1])
    artists["here"].set_data([step], np.clip(distances[[step]], FLOOR, MOST))
    predicted = [] if state["predicted"] is None else within(state["predicted"], FLOOR, MOST)
    artists["predicted"].set_data(np.arange(len(predicted)), predicted)
    artists["caption"].set_text(finding(state))


def finding(state):
    """What |λ| says, and where the path has come to, in one line."""
    far, turns = state["distances"][state["step"]], state["turns"][state["step"]]
    when = f"after {state['step']} steps"
    if far > MOST:
        place = f"{when} it has left the picture"
    else:
        place = f"{when} and {turns:.1f} turns it is {minus(f'{far:.2g}')} away".replace(" and 0.0 turns", "")
    factor = state["multiplier"]
    if factor is None:
        return f"No |λ| tells here: {place}"
    if abs(factor - 1) < MARGINAL:
        return f"|λ| = 1 neither draws it in nor drives it out: {place}"
    verb = "< 1 draws it in" if factor < 1 else "> 1 drives it out"
    return f"|λ| = {factor_text(factor)} {verb}: {place}"
