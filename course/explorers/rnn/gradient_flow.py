"""Chapter 2's explorer of the gradient through time: how large ∂loss/∂h_t is, step by step back from T."""

from functools import partial

import numpy as np

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import moving
from course.plots import COLOURS
from course.plots.texts import Caption

ARCHITECTURES = ("linear", "tanh RNN", "LSTM", "GRU")
GATED = "LSTM"  # the one that has a forget bias
FLOOR, TOP = 1e-20, 1e20  # the picture's limits
KEPT = 0.03  # how far from 1 a step's factor may be and still be called 1
ALT = (
    "The norm of the loss's gradient with respect to each hidden state on a logarithmic scale, "
    "and a dashed line for the spectral radius to the power of the steps back."
)


def gradient_flow(flow):
    """Explore how a recurrent net's gradient shrinks or grows on its way back through time.

    Args:
        flow: the chapter's function (architecture, radius, forget_bias, length) -> (length + 1,) numbers,
            the norm of ∂loss/∂h_t for t = 0, …, length; architecture one of `ARCHITECTURES`.
    """
    controls = {
        "architecture": menu(
            "architecture", ARCHITECTURES, GATED, "how a hidden state is made of the one before it"
        ),
        "radius": slider(
            "spectral radius", (0.5, 2, 0.05), 1, "largest absolute eigenvalue of the recurrent matrix"
        ),
        "forget_bias": slider(
            "forget bias (LSTM)",
            (-1, 4, 0.5),
            1,
            "bias of the forget gate before its sigmoid; it changes the LSTM only",
        ),
        "length": slider(
            "length (steps)", (5, 150), 100, "how many steps lie between the first hidden state and the loss"
        ),
    }
    compute = partial(compute_gradient_flow, flow)
    picture = Picture(build, update, (9.2, 4))
    return Explorer("gradient flow", controls, compute, picture, ALT, main=("architecture", "radius"))


def compute_gradient_flow(flow, *, architecture, radius, forget_bias, length):
    """The numbers behind one picture of the gradient flow.

    Returns:
        dict: norms (length + 1,), reference (length + 1,) radius^(T − t) that ends where the norms end,
        factor (the geometric mean of norm_{t-1} / norm_t over the steps back from T whose norms are numbers
        and not 0; NaN if there are none).
    """
    norms = np.asarray(flow(architecture, radius, forget_bias, length), dtype=float)
    steps_back = np.arange(length, -1, -1)
    usable = np.isfinite(norms) & (norms > 0)
    reach = length if usable.all() else int(np.argmin(usable[::-1])) - 1  # steps back from T
    start, end = norms[length - max(reach, 0)], norms[length]
    factor = np.exp((np.log(start) - np.log(end)) / reach) if reach > 0 else np.nan
    reference = norms[-1] * float(radius) ** steps_back
    return {"norms": norms, "reference": reference, "factor": float(factor)}


def build(figure):
    """All artists of the picture."""
    axes = figure.add_subplot()
    axes.set_title("\n\n", fontsize=11)  # room for the caption
    axes.set(xlabel="time step t (the loss is at the last one, T)", ylabel="norm of ∂loss/∂h$_t$")
    # Fixed limits: to move an axis would cost a whole redraw.
    axes.set(yscale="log", ylim=(FLOOR / 10, TOP * 10), xlim=(-3, 153))
    axes.set_yticks(10.0 ** np.arange(-20, 21, 5))
    axes.minorticks_off()
    axes.grid(True)
    reference = moving(axes, "--", color=COLOURS[1], linewidth=1.5)
    norms = moving(axes, "o-", color=COLOURS[0], linewidth=1.5, markersize=3)
    names = ["measured", "spectral radius to the power T − t"]
    axes.legend([norms, reference], names, loc="upper right", fontsize=9)
    return {"norms": norms, "reference": reference, "caption": axes.add_artist(Caption(0.5, 1.155))}


def update(artists, state):
    """Put a state's numbers into the artists."""
    length, norms = state["length"], state["norms"]
    shown = np.clip(np.nan_to_num(norms, nan=np.inf, posinf=np.inf), FLOOR, TOP)
    artists["norms"].set_data(np.arange(length + 1), shown)
    artists["reference"].set_data(np.arange(length + 1), np.clip(state["reference"], FLOOR / 10, TOP * 10))
    low, high = (norms < FLOOR).any(), not (norms <= TOP).all()
    edges = " and ".join(["below 1e-20"] * bool(low) + ["above 1e20"] * bool(high))
    bias = f"forget bias {state['forget_bias']:g}"
    if state["architecture"] != GATED:
        bias += f" (no effect: {GATED} only)"
    artists["caption"].set_text(
        f"{state['architecture']}, spectral radius {state['radius']:.2f}, {bias}, T = {length}\n"
        f"{verdict(state['factor'])}" + (f"\nvalues {edges} are drawn at the edge" if edges else "")
    )


def verdict(factor):
    """What the mean factor of a step back means, in words."""
    if np.isnan(factor):
        return "no step's factor can be measured: the gradient is 0 or no number"
    said = f"each step back multiplies the gradient by {factor:.3g} on average: it "
    if abs(factor - 1) <= KEPT:
        return said + "about keeps its size"
    steps = abs(np.log(2) / np.log(factor))
    return said + ("vanishes, halving" if factor < 1 else "explodes, doubling") + f" every {steps:.1f} steps"
