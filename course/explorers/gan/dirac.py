"""Chapter 5's explorer of the smallest adversarial game: one point against one slope, step by step."""

from functools import lru_cache, partial

import numpy as np

from course.explorers import parts
from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.picture import Picture
from course.plots import COLOURS

HALF = 2.2  # of the side of the plane shown
FLOOR, MOST = 1e-4, 10.0  # of the distances' scale
LOST = 1e6  # a coordinate that has grown beyond this, or is no number, is held here
STEPS, STRIDE = 300, 5  # of a run; between two pictures of it
EVERY = 3  # steps from one dot of the path to the next
# Spaced evenly on a log scale, but for their rounding and the 0.
GAMMAS = (0, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)
USUAL = 0.3  # of them, for a penalty that is chosen
WITHOUT_GAMMA = "clipping"  # a penalty
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
ORDERS = ("alternating", "simultaneous")
MIDDLES = np.stack(np.meshgrid(*[np.linspace(-2.0, 2.0, 15)] * 2), -1).reshape(-1, 2)  # of the arrows
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
        "order": menu("order", ORDERS, None, "whether the generator moves after or with the discriminator"),
        "lr": list_slider("learning rate of both", RATES, 0.1, "on a log scale"),
        "theta": slider("start θ", ends, 1, "the generator's point at the start; the data is at 0", ".1f"),
        "psi": slider("start ψ", ends, 0, "the slope of the discriminator's logit at the start", ".1f"),
    }
    _link(controls)
    travelled = lru_cache(maxsize=256)(partial(travel, field, path, multiplier))
    return Explorer(
        "Dirac GAN", controls, partial(compute_dirac, travelled),
        Picture(build, update, (8.4, 4.0)), ALT, main=("gamma", "penalty"), adjust=follow,
        touch={
            "plane": lambda state, x, y: {"theta": x, "psi": y},
            "distance": lambda state, x, y: {"step": x},
        },
        play="step", hint="Drag the start, or play the steps.",
    )  # fmt: skip


def _link(controls):
    """A penalty that is chosen acts: γ is no longer 0."""
    gamma = controls["gamma"]
    controls["penalty"].observe(lambda change: gamma.set_trait("value", gamma.value or USUAL), "value")


def follow(controls, state):
    """Let γ rest where it means nothing."""
    controls["gamma"].disabled = state["penalty"] == WITHOUT_GAMMA


def travel(field, path, multiplier, theta, psi, loss, penalty, gamma, lr, alternating):
    """One whole run.

    Returns:
        dict: arrows (len(MIDDLES), 2), the field at MIDDLES, of length 1, or 0 where nothing moves; path
        (STEPS + 1, 2), within LOST; distances (STEPS + 1,) from (0, 0); turns (STEPS + 1,) around (0, 0) so
        far; multiplier, |λ|, and predicted (STEPS + 1,) distances, or None for both.
    """
    moves = np.stack(np.broadcast_arrays(*field(*MIDDLES.T, loss, penalty, gamma)), 1).astype(float)
    length = np.linalg.norm(moves, axis=1, keepdims=True)
    with np.errstate(all="ignore"):  # a path that leaves may overflow
        places = path(theta, psi, loss, penalty, gamma, lr, lr, alternating, STEPS)
        factor = multiplier(loss, penalty, gamma, lr, lr, alternating)
    places = np.nan_to_num(np.asarray(places), nan=LOST, posinf=LOST, neginf=-LOST).clip(-LOST, LOST)
    distances = np.hypot(*places.T)
    turned = np.unwrap(np.arctan2(places[:, 1], places[:, 0]))
    return {
        "arrows": np.divide(moves, length, out=np.zeros_like(moves), where=length > 0),
        "path": places,
        "distances": distances,
        "turns": np.abs(turned - turned[0]) / (2 * np.pi),
        "multiplier": None if factor is None else float(factor),
        "predicted": None if factor is None else distances[0] * float(factor) ** np.arange(STEPS + 1),
    }


def compute_dirac(travelled, *, gamma, penalty, step, loss, order, lr, theta, psi):
    """The numbers behind one picture of the Dirac GAN: what `travel` returns, and step, an int.

    Args:
        travelled: `travel` without its first three arguments.
    """
    run = travelled(theta, psi, loss, penalty, gamma, lr, order == "alternating")
    return run | {"step": round(step)}


def build(figure):
    """All artists: the phase portrait to the left, the distance over the steps to the right."""
    figure.get_layout_engine().set(wspace=0.06)
    artists = {"caption": parts.headline(figure)}
    plane, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    return artists | _build_plane(plane) | _build_distance(right)


def _build_plane(axes):
    axes.set_label("plane")
    axes.set(xlabel="generator θ (the data is at 0)", ylabel="discriminator ψ (logit ψ·x)")
    axes.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), box_aspect=1, xticks=range(-2, 3), yticks=range(-2, 3))
    dots = axes.scatter([0], [0], 14, [0.0], cmap=parts.FADING, vmin=0, vmax=STEPS, linewidth=0, zorder=3)
    artists = {
        "arrows": parts.moving(axes, color="0.75", linewidth=0.9, solid_joinstyle="miter", zorder=1),
        "whole": parts.moving(axes, color="0.55", linewidth=0.8, zorder=2),
        "dots": dots,
        "rest": axes.plot(0, 0, "x", color="black", markersize=9, markeredgewidth=2.2, zorder=4)[0],
        "start": parts.mark(axes, "o", "white", 9, markeredgewidth=1.6, zorder=5),
        "end": parts.mark(axes, "D", COLOURS[0], 8, zorder=6),
    }
    handles = [artists["start"], parts.fading_path(), artists["end"], artists["rest"]]
    parts.legend(axes, handles, ["start", "path", "now", "equilibrium"], room=True)
    return artists


def _build_distance(axes):
    axes.set_label("distance")
    axes.set(xlabel="step", ylabel="distance from the equilibrium", yscale="log")
    axes.set(xlim=(0, STEPS), ylim=(FLOOR, MOST))
    axes.minorticks_off()
    artists = {
        "whole distance": parts.moving(axes, color="0.55", linewidth=0.8, zorder=2),
        "distance": parts.moving(axes, color=COLOURS[1], linewidth=2.2, zorder=3),
        "predicted": parts.moving(axes, "--", color=COLOURS[0], linewidth=1.6, zorder=4),
        "here": parts.mark(axes, "D", COLOURS[0], 8, zorder=5),
    }
    names = ["this path", r"distance at the start · $|\lambda|^{\mathrm{step}}$"]
    parts.legend(axes, [artists["distance"], artists["predicted"]], names, room=True)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    step = state["step"]
    along = LENGTH * state["arrows"]
    artists["arrows"].set_data(*parts.arrow_path(MIDDLES - along / 2, along).T)
    places = state["path"]
    artists["whole"].set_data(*places.T)
    chosen = np.arange(0, step + 1, EVERY)
    artists["dots"].set_offsets(places[chosen])
    artists["dots"].set_array(chosen)
    artists["start"].set_data(*places[0, :, None])
    artists["end"].set_data(*places[step, :, None])
    shown, steps = parts.within(state["distances"], FLOOR, MOST), np.arange(STEPS + 1)
    artists["whole distance"].set_data(steps, shown)
    artists["distance"].set_data(steps[: step + 1], shown[: step + 1])
    artists["here"].set_data([step], np.clip(state["distances"][[step]], FLOOR, MOST))
    predicted = [] if state["predicted"] is None else parts.within(state["predicted"], FLOOR, MOST)
    artists["predicted"].set_data(np.arange(len(predicted)), predicted)
    artists["caption"].set_text(finding(state))


def finding(state):
    """What |λ| says, and where the path has come to, in one line."""
    step, distances, turns = state["step"], state["distances"], state["turns"][state["step"]]
    if step and not np.ptp(state["path"], axis=0).any():
        return "Here nothing moves: both sides' gradients are 0"
    far = parts.minus(f"to {distances[step]:.2g}") if distances[step] <= MOST else "out of the picture"
    when = f"in {step} steps" + (f" and {turns:.1f} turns" if turns >= 0.05 else "")
    way = f"from distance {distances[0]:.2g} {far} {when}"
    factor = state["multiplier"]
    if factor is None:
        return f"Here no eigenvalue predicts the path: {way}"
    if abs(factor - 1) < MARGINAL:
        return f"|λ| = 1 does not decide: {way}"
    verb = "< 1 draws in" if factor < 1 else "> 1 drives out"
    return f"|λ| = {parts.factor_text(factor)} {verb}: {way}"
