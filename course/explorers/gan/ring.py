"""Chapter 5's replay of recorded training runs in the plane: discriminator, samples and their pull."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.gan.ring_picture import CELLS, build, update
from course.plots.tiles import arrays

MARGIN = 1.0  # of the map around the outermost centre
MOST_LOGIT = 10.0
SHADES = ("probability", "logit")
ALT = (
    "A map of the discriminator's output over the plane, with the data's centres as rings, the generator's "
    "samples as dots and arrows for the direction in which the generator's loss pulls some of them; beside "
    "it two curves over the steps of training, the modes found and the share of samples near a mode, the "
    "present frame marked."
)


def ring(replays, centres):
    """Replay recorded training runs of GANs whose data are clusters of points in the plane.

    Args:
        replays: dict of a run's name to its frames in order of time, each a dict: "step", int; "sample",
            function () -> (n, 2), generated points, from the same noise in every frame; "logits", function
            (x (N, 2) float32) -> (N,), the discriminator before the sigmoid; "pull", function (x (N, 2)) ->
            (N, 2), minus the gradient of each point's generator loss by its place; "modes", how many modes
            were found; "quality", 0 to 1, the share of samples near a mode. A frame's functions are called
            once, when it is first shown.
        centres: (K, 2), the middles of the data's modes.
    Returns:
        Explorer.
    Raises:
        ValueError: without a run, for a run without frames, or if `centres` is not (K, 2).
    """
    centres = arrays(torch.as_tensor(centres))
    if centres.ndim != 2 or centres.shape[1] != 2 or not len(centres):
        raise ValueError(f"centres has shape {centres.shape}; it must be (K, 2).")
    if not replays or not all(len(frames) for frames in replays.values()):
        raise ValueError("ring needs at least one run, and each run at least one frame.")
    half = half_of(centres)
    names = list(replays)
    controls = _controls(names, len(replays[names[0]]))
    if len(names) == 1:  # nothing to choose
        del controls["run"]
    if max(map(len, replays.values())) == 1:
        del controls["frame"]
    seen = lru_cache(maxsize=None)(lambda name, index: look(replays[name][index], half))
    return Explorer(
        "ring",
        controls,
        partial(compute_ring, replays, seen, centres),
        partial(build, centres=centres, half=half, runs=[course_of(run) for run in replays.values()]),
        update,
        alt=ALT,
        main=("run", "frame"),
        size=(9.4, 4.8),
        adjust=_adjust,
    )


def _controls(names, frames):
    """Runs of these names to choose from, the first one shown at the last of its frames."""
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "60px"})
    controls = {
        "run": widgets.Dropdown(description="run", options=names, **slider),
        "frame": widgets.IntSlider(description="frame", value=frames, min=1, max=frames, **slider),
        "shade": widgets.Dropdown(description="shade", options=SHADES, **slider),
    }
    for name, words in (
        ("run", "which of the recorded training runs"),
        ("frame", "a moment of the run, counted from 1; its step stands above the picture"),
        ("shade", "what the map shows: the discriminator's probability of real, or its logit"),
    ):
        describe(controls[name], words)
    return controls


def _adjust(controls, state):
    """Let the slider end where the run ends."""
    if "frame" in controls:
        controls["frame"].max = len(state["steps"])


def half_of(centres):
    """Half of the side of the square around 0 that the map shows."""
    return float(np.abs(centres).max()) + MARGIN


def course_of(frames):
    """steps, modes and quality of a run: three float arrays, one entry a frame."""
    return tuple(np.array([frame[key] for frame in frames], float) for key in ("step", "modes", "quality"))


def middles(half):
    """The middles of the map's cells along one axis, (CELLS,)."""
    return half * ((2 * np.arange(CELLS) + 1) / CELLS - 1)


def look(frame, half):
    """What a frame's functions give.

    Args:
        frame: a dict as in `ring`.
        half: half of the map's side.
    Returns:
        dict: samples (n, 2); logits (CELLS, CELLS), the first axis upwards, the second to the right; pulls
        (n, 2), at the samples.
    """
    up, right = np.meshgrid(middles(half), middles(half), indexing="ij")
    places = torch.as_tensor(np.stack([right.ravel(), up.ravel()], 1), dtype=torch.float32)
    with torch.no_grad():
        samples, logits = frame["sample"](), frame["logits"](places)
    pulls = frame["pull"](samples.detach())  # has gradients to take
    return {
        "samples": arrays(samples),
        "logits": arrays(logits).reshape(CELLS, CELLS),
        "pulls": arrays(pulls),
    }


def compute_ring(replays, seen, centres, *, shade, run=None, frame=1):
    """The numbers behind one picture of the replay.

    Args:
        replays: as in `ring`.
        seen: function (name, index) -> what `look` returned for that frame.
        centres: (K, 2) array.
        shade: one of `SHADES`.
        run: a name, default the first.
        frame: from 1; beyond the run's end the last one is taken.
    Returns:
        dict: samples, pulls (n, 2); map (CELLS, CELLS), the probability or the logit clipped to ±MOST_LOGIT,
        and limits, the two ends of its scale; outside, how many samples lie outside the map; pull, the mean
        length of the pulls; steps, modes, quality, arrays over the run's frames; of, the number of modes
        that there are; run, shade and index, the present frame counted from 0.
    """
    run = next(iter(replays)) if run is None else run
    index = min(frame, len(replays[run])) - 1
    view, half = seen(run, index), half_of(centres)
    steps, modes, quality = course_of(replays[run])
    logits = np.clip(view["logits"], -MOST_LOGIT, MOST_LOGIT)
    probability = arrays(torch.as_tensor(view["logits"]).sigmoid())
    return {
        "samples": view["samples"],
        "pulls": view["pulls"],
        "map": logits if shade == "logit" else probability,
        "limits": (-MOST_LOGIT, MOST_LOGIT) if shade == "logit" else (0.0, 1.0),
        "outside": int((~(np.abs(view["samples"]).max(1) <= half)).sum()),
        "pull": float(np.linalg.norm(view["pulls"], axis=1).mean()),
        "steps": steps,
        "modes": modes,
        "quality": quality,
        "of": len(centres),
        "run": run,
        "shade": shade,
        "index": index,
    }
