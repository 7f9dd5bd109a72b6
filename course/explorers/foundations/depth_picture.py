"""The picture of chapter 0's depth."""

import numpy as np

from course.plots import COLOURS
from course.plots.texts import Caption

MOST_LAYERS = 30
FLOOR, MOST = 1e-15, 1e15  # of both scales
MEANINGS = {  # of a mean factor over all layers
    "vanishes": "vanishes",
    "explodes": "explodes",
    "keeps": "keeps within a factor 10",
    "none": "nothing to measure",
}


def build(figure):
    """All artists: the signal forward to the left, the gradient backward to the right."""
    figure.get_layout_engine().set(wspace=0.06, w_pad=0.1)
    grid = figure.add_gridspec(1, 2)
    whole = figure.add_subplot(grid[:, :])  # unseen: it centres the caption above all
    whole.set_axis_off()
    whole.set_title("\n\n\n\n\n", fontsize=10)  # room for the captions and the legends
    left, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    left.set(xlabel="layer", ylabel="mean square before the activation", xlim=(0, MOST_LAYERS + 1))
    right.set(xlabel="layers back from the last", xlim=(-1, MOST_LAYERS))
    right.set_ylabel("mean square of the gradient\n(the last layer's = 1)")
    artists = {"caption": whole.add_artist(Caption(0.5, 1.29))}
    for name, axes in (("forward", left), ("backward", right)):
        artists |= _build_panel(axes, name)
    return artists


def _build_panel(axes, name):
    # Fixed limits: to move an axis would cost a whole redraw.
    axes.set(yscale="log", ylim=(FLOOR, MOST))
    axes.set_yticks(10.0 ** np.arange(-15, 16, 5))
    axes.minorticks_off()
    axes.grid(True, axis="y")
    axes.axhline(1, color="0.6", linewidth=1, linestyle=":")
    artists = {
        name: axes.plot([], [], "o-", color=COLOURS[0], linewidth=1.5, markersize=4, zorder=3)[0],
        f"{name}_line": axes.plot([], [], "--", color=COLOURS[1], linewidth=1.8, zorder=4)[0],
        f"{name}_title": axes.add_artist(Caption(0.5, 1.13)),
    }
    handles = [artists[name], artists[f"{name}_line"]]
    place = dict(loc="lower center", bbox_to_anchor=(0.5, 0.985), ncols=2, columnspacing=1.2)
    legend = axes.legend(handles, ["measured", "predicted"], fontsize=9, handletextpad=0.5, **place)
    legend.set_in_layout(False)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    for name, first in (("forward", 1), ("backward", 0)):
        layers = first + np.arange(state["layers"])
        artists[name].set_data(layers, within(state[name]))
        line = [] if state[f"{name}_line"] is None else within(state[f"{name}_line"])
        artists[f"{name}_line"].set_data(layers[: len(line)], line)
        artists[f"{name}_title"].set_text(title(state, name))
    artists["caption"].set_text(caption(state))


def within(values):
    """Values clipped to beyond the scale's ends: a log scale cannot place 0, nor a picture 1e300."""
    return np.clip(values, FLOOR / 1000, MOST * 1000)


def title(state, name):
    """A panel's measured factor and its verdict."""
    factor, meaning = state[f"{name}_factor"], MEANINGS[state[f"{name}_verdict"]]
    return f"{name}: " + ("" if np.isnan(factor) else f"× {said(factor)} a layer, ") + meaning


def caption(state):
    """The settings, and the factor that they predict, in two lines."""
    std, width, predicted = said(state["std"]), state["width"], state["predicted"]
    setting = (
        f"{state['layers']} layers of {width} units, {state['activation']}, {state['initialisation']}: "
        f"weights with σ = {std} (scale {state['scale']:g})"
    )
    if predicted is None:
        return f"{setting}\nno constant factor is predicted for {state['activation']}"
    gain = "½" if state["activation"] == "relu" else "1"
    return f"{setting}\npredicted factor of a layer: n σ² g = {width} · {std}² · {gain} = {said(predicted)}"


def said(number):
    """A number to three digits, with an exponent where it is small: "0.0312", "1.6e−05"."""
    return f"{number:.3g}".replace("e-", "e−")
