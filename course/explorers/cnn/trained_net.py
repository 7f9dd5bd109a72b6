"""Chapter 1's explorer of the trained net: it reads a drawing, and each feature map shows where it comes from."""

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from course.explorers.base import Explorer, Picture
from course.explorers.cnn.panels import overlay, panel, place
from course.explorers.controls import list_slider, menu, slider
from course.explorers.drawing import PEN, Strokes, digit_image, pad_image
from course.explorers.parts import moving
from course.plots import COLOURS, SIGNED
from course.plots.texts import Caption, Texts

LAYERS = ("conv1", "conv2")
ACROSS = 4  # maps in a row of a mosaic
SOURCES = 3  # maps of the first layer that a line joins to one of the second
BEST = 3  # classes
DRAWING, DIGIT = "my drawing", "a test digit"
CENTRED, AS_DRAWN = "scaled and centred like MNIST's", "as it lies on the pad"
ALT = (
    "A pad with a drawn digit, the image that the net reads, the feature maps of two convolutions with lines "
    "from the chosen map to what it comes from, and bars for the three most probable classes."
)


def trained_net(model, images, labels):
    """Explore a trained net: let it read your own drawing, or a test digit that you distort.

    Args:
        model: a module with the convolutions `conv1` and `conv2`, each followed by ReLU and pooling by 2,
            (1, 1, 28, 28) -> logits (1, K).
        images: (N, 1, 28, 28), values from 0 to 1.
        labels: (N,) true classes.
    """
    maps = [(layer, i) for layer, name in enumerate(LAYERS) for i in range(len(getattr(model, name).weight))]
    controls = {
        "source": menu("the net reads", [DRAWING, DIGIT]),
        "drawing": Strokes(),
        "digit": slider("test digit", (0, len(images) - 1), 0),
        "chosen": list_slider("feature map", [(f"{LAYERS[m[0]]}, {m[1]}", m) for m in maps], maps[16]),
        "fit": menu("a drawing is read", [CENTRED, AS_DRAWN]),
        "turn": slider("turn (°)", (-45, 45), 0),
        "right": slider("right (px)", (-8, 8), 0),
        "down": slider("down (px)", (-8, 8), 0),
        "thickness": slider("thickness", (-2, 2, 0.1), 0),
        "noise": slider("noise", (0, 0.6, 0.02), 0),
    }
    _link(controls)
    compute = partial(compute_trained_net, model, images, labels)
    shapes = [maps.shape for maps in compute(**{n: c.value for n, c in controls.items()})["maps"]]
    return Explorer(
        "trained net",
        controls,
        compute,
        Picture(partial(build, shapes=shapes), update, (8.4, 4.0)),
        ALT,
        main=("source", "drawing"),
        touch={name: partial(at_map, layer, shapes) for layer, name in enumerate(LAYERS)},
        ink={"pad": "drawing"},
        hint="Draw on the pad; click a feature map.",
    )


def compute_trained_net(model, images, labels, *, source, drawing, digit, chosen, fit, **changes):
    """The numbers behind one picture of the trained net.

    Args:
        source: `DRAWING` or `DIGIT`.
        drawing: strokes, as `drawing.Strokes` keeps them; nothing drawn gives no answer.
        digit: index of the test image.
        chosen: (layer, channel) of a feature map, both from 0.
        fit: `CENTRED` or `AS_DRAWN`.
        changes: for `changed`.
    Returns:
        dict: image (28, 28); maps, two arrays (C, H', W') after ReLU; probs (K,), best (the `BEST` likeliest
        classes, first the likeliest), label (None for a drawing), empty; of the chosen map: kernels (1 or C,
        K, K), strength (C,) of the first layer's maps in it, window (left, top, side) of its strongest unit.
    """
    mine, empty = source == DRAWING, source == DRAWING and not drawing
    if mine:
        x = torch.from_numpy(digit_image(drawing) if fit == CENTRED else pad_image(drawing))[None, None]
    else:
        x = images[digit : digit + 1].float()
    x = changed(x, **changes)
    maps, probs = watch(model, x)
    if empty:
        maps, probs = [0 * values for values in maps], 0 * probs
    layer, channel = chosen
    return {
        "image": x[0, 0].cpu().numpy(),
        "maps": maps,
        "probs": probs,
        "best": np.argsort(-probs, kind="stable")[:BEST],
        "label": None if mine else int(labels[digit]),
        "empty": empty,
        "own": bool(getattr(model, "own", False)),
        "kernels": getattr(model, LAYERS[layer]).weight[channel].detach().float().cpu().numpy(),
        "strength": _strengths(model, maps[0], channel) if layer else np.zeros(len(maps[0])),
        "window": _window(model, maps[layer][channel], layer),
    }


def changed(x, *, right, down, turn, thickness, noise):
    """A changed copy of x (1, 1, H, W): first its thickness, then turn, shift and noise.

    Args:
        right, down: int pixels; zeros come in.
        turn: degrees clockwise around the middle.
        thickness: how often each pixel takes its 3 × 3 neighbourhood's largest (> 0) or smallest (< 0)
            value; a fraction blends two images.
        noise: standard deviation; the noise is always the same, and values are cut to 0 and 1.
    Returns:
        (1, 1, H, W).
    """
    x = turned(thickened(x, thickness), turn)
    x = F.pad(x, (right, -right, down, -down))  # negative padding crops
    if noise:
        rng = torch.Generator().manual_seed(0)
        x = (x + noise * torch.randn(x.shape, generator=rng).to(x.device)).clamp(0, 1)
    return x.clone()


def thickened(x, steps):
    """Dilation (steps > 0) or erosion (steps < 0) of the strokes; see `changed`."""
    sign = 1 if steps >= 0 else -1
    fraction, whole = math.modf(abs(steps))
    for _ in range(int(whole)):
        x = sign * F.max_pool2d(sign * x, 3, 1, 1)
    return torch.lerp(x, sign * F.max_pool2d(sign * x, 3, 1, 1), fraction) if fraction else x


def turned(x, degrees):
    """x (1, 1, H, W) turned clockwise around its middle, with bilinear interpolation."""
    if not degrees:
        return x
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    back = x.new_tensor([[[cos, sin, 0], [-sin, cos, 0]]])  # from the output's places to the input's
    return F.grid_sample(x, F.affine_grid(back, x.shape, align_corners=False), align_corners=False)


def watch(model, x):
    """(maps after ReLU of conv1 and conv2, probabilities) as arrays; the model is left as it was."""
    seen, mode, parameter = {}, model.training, next(model.parameters())
    hooks = [
        getattr(model, name).register_forward_hook(lambda module, args, y, name=name: seen.update({name: y}))
        for name in LAYERS
    ]
    try:
        model.eval()
        with torch.no_grad():
            probs = model(x.to(parameter.device, parameter.dtype)).softmax(1)[0]
    finally:
        model.train(mode)
        for hook in hooks:
            hook.remove()
    return [torch.relu(seen[name][0]).float().cpu().numpy() for name in LAYERS], probs.float().cpu().numpy()


def _strengths(model, maps, channel):
    """How much each map of the first layer adds to or takes from a map of the second: (C,), mean of |sum|."""
    pooled = F.max_pool2d(torch.from_numpy(maps), 2)  # (C, H, W)
    weight = model.conv2.weight[channel].detach().float().cpu()[:, None]  # (C, 1, K, K)
    return F.conv2d(pooled, weight, groups=len(maps)).abs().mean((1, 2)).numpy()


def _window(model, values, layer):
    """(left, top, side) in pixels of what the strongest unit of a map sees; None where all are 0."""
    if not values.max() > 0:
        return None
    kernels, (row, column) = (
        [getattr(model, name).kernel_size[0] for name in LAYERS],
        divmod(int(values.argmax()), values.shape[1]),
    )
    if layer == 0:
        return column, row, kernels[0]
    return (
        2 * column,
        2 * row,
        kernels[0] + 1 + 2 * (kernels[1] - 1),
    )  # convolution, pooling by 2, convolution


def at_map(layer, shapes, state, x, y):
    """The map of a mosaic at a point."""
    channels, height, width = shapes[layer]
    row, column = int(y // (height + 1)), int(x // (width + 1))
    inside = 0 <= column < ACROSS and 0 <= ACROSS * row + column < channels and row >= 0
    return {"chosen": (layer, ACROSS * row + column)} if inside else {}


def title(state):
    """What the net answers."""
    net = "Your own net" if state["own"] else "The net"
    if state["empty"]:
        return "Draw a digit on the pad: the net reads it while you draw"
    first, second = state["best"][:2]
    percent = [f"{100 * state['probs'][k]:.1f} %" for k in (first, second)]
    answer = f"{net} reads {first} with {percent[0]}, then {second} with {percent[1]}"
    if state["label"] is None:
        return answer
    return f"{answer}: " + ("right" if first == state["label"] else f"wrong, it is a {state['label']}")


def build(figure, shapes):
    """All artists: the pad above the answer, what the net reads, then a mosaic of maps for each layer."""
    pad = panel(figure, 0.15, 1.3, 2.25, 2.25, "pad", xlim=(0, 1), ylim=(1, 0), xticks=(), yticks=())
    answer = panel(figure, 0.45, 0.42, 1.55, 0.72, xlim=(0, 1), ylim=(BEST - 0.4, -0.6))
    read = panel(figure, 2.68, 2.2, 1.35, 1.35, xticks=(), yticks=())
    kernel = panel(figure, 2.68, 0.42, 1.35, 1.35, xticks=(), yticks=())
    first = panel(figure, 4.3, 1.3, 2.25, 2.25, LAYERS[0])
    second = panel(figure, 6.82, 0.42, 1.43, 3.13, LAYERS[1])
    above = overlay(figure)
    points = 72 * PEN * 2.25  # a pen's width on the pad
    artists = {
        "test": pad.imshow(np.zeros((28, 28)), cmap="gray_r", vmin=0, vmax=1, extent=(0, 1, 1, 0)),
        "strokes": moving(
            pad, color="black", linewidth=points, solid_capstyle="round", solid_joinstyle="round"
        ),
        "image": read.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1),
        "window": read.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=1.5)),
        "kernels": kernel.imshow(np.zeros((23, 23)), cmap=colormaps[SIGNED].with_extremes(bad="white")),
        "kernel": kernel.add_artist(Caption(0.5, -0.1, size=9)),
        "maps": [_mosaic(*pair) for pair in zip((first, second), shapes, strict=True)],
        "chosen": [
            axes.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2))
            for axes in (first, second)
        ],
        "links": [moving(above, color=COLOURS[1]) for _ in range(SOURCES + 1)],
        "bars": list(answer.barh(range(BEST), 0.5, color=COLOURS[0], height=0.7)),
        "classes": answer.add_artist(Texts(10, "DejaVu Sans", "bold", align=1)),
        "percents": answer.add_artist(Texts(9, "DejaVu Sans", align=0)),
        "prompt": pad.add_artist(Caption(0.5, 0.5)),
        "caption": above.add_artist(Caption(0.5, 0.955, size=11)),
    }
    pad.set_title("draw here", fontsize=9, pad=3)
    read.set_title("what the net reads", fontsize=9, pad=3)
    for axes, name, (channels, height, width) in zip((first, second), LAYERS, shapes, strict=True):
        axes.set_title(f"{name}: {channels} maps, {height} × {width}", fontsize=9, pad=3)
    for axes in (pad, read, kernel):
        axes.spines[:].set(visible=True, color="0.6")
    answer.set(xlabel="probability", xticks=(0, 1), yticks=())
    answer.tick_params(labelsize=8, pad=1, length=2)
    answer.xaxis.labelpad = -8
    return artists


def _mosaic(axes, shape):
    """An empty mosaic of maps: black for 0, white for the largest value of the layer."""
    shown = tiles(np.zeros(shape))
    axes.set(xticks=(), yticks=())
    axes.spines[:].set_visible(False)
    cmap = colormaps["gray"].with_extremes(bad="white")
    extent = (0, shown.shape[1], shown.shape[0], 0)
    return axes.imshow(shown, cmap=cmap, vmin=0, vmax=1, aspect="auto", extent=extent)


def tiles(maps, across=ACROSS):
    """Maps (C, H, W) side by side in one array, row by row, with gaps of NaN between them."""
    missing = -len(maps) % across
    padded = np.pad(maps, ((0, missing), (0, 1), (0, 1)), constant_values=np.nan)
    grid = padded.reshape(-1, across, *padded.shape[1:]).transpose(0, 2, 1, 3)
    return grid.reshape(-1, across * padded.shape[2])[:-1, :-1]


def update(artists, state):
    """Put a state's numbers into the artists."""
    mine = state["label"] is None
    artists["test"].set_data(np.zeros((28, 28)) if mine else state["image"])
    ink = [np.array([*stroke, (np.nan, np.nan)]) for stroke in state["drawing"]] if mine else []
    artists["strokes"].set_data(*np.concatenate([*ink, np.empty((0, 2))]).T)
    artists["prompt"].set_text("draw a digit" if state["empty"] else "")
    artists["image"].set_data(state["image"])
    for image, maps in zip(artists["maps"], state["maps"], strict=True):
        image.set_data(tiles(maps))
        image.set_clim(0, max(float(maps.max()), 1e-9))
    _show_chosen(artists, state)
    best, probs = state["best"], state["probs"]
    for bar, k in zip(artists["bars"], best, strict=True):
        bar.set_width(float(probs[k]))
    shown = () if state["empty"] else best
    rows = range(len(shown))
    artists["classes"].set_data(-0.05, rows, [str(k) for k in shown])
    artists["percents"].set_data(
        [probs[k] + 0.03 for k in shown], rows, [f"{100 * probs[k]:.1f} %" for k in shown]
    )
    artists["caption"].set_text(title(state))


def _show_chosen(artists, state):
    """The chosen map's frame, its kernels, and lines from it to what it comes from."""
    layer, channel = state["chosen"]
    kernels, window = state["kernels"], state["window"]
    shown = kernels[0] if layer == 0 else tiles(kernels)
    artists["kernels"].set_data(shown)
    artists["kernels"].set_extent((0, shown.shape[1], shown.shape[0], 0))
    largest = np.abs(kernels).max()
    artists["kernels"].set_clim(-largest, largest)
    artists["kernel"].set_text(f"kernel{'s' if layer else ''} of {LAYERS[layer]}'s map {channel}")
    artists["window"].set_visible(window is not None)
    if window is not None:
        left, top, side = window
        artists["window"].set_bounds(left - 0.5, top - 0.5, side, side)
    boxes = [_box(maps.shape, channel) for maps in state["maps"]]
    for i, frame in enumerate(artists["chosen"]):
        frame.set_visible(i == layer)
        frame.set_bounds(*boxes[i])
    axes = artists["maps"][layer].axes
    left, top, width, height = boxes[layer]
    start = place(axes, left, top + height / 2)
    sources = np.argsort(-state["strength"])[:SOURCES] if layer and not state["empty"] else []
    ends = [_right(artists["maps"][0].axes, _box(state["maps"][0].shape, i)) for i in sources]
    weights = [4 * state["strength"][i] / state["strength"].max() for i in sources]
    for link in artists["links"]:
        link.set_data([], [])
    for link, end, weight in zip(artists["links"], ends, weights, strict=False):
        link.set_data(*np.transpose([start, end]))
        link.set_linewidth(weight)
    if layer == 0 and window is not None:
        x, y, side = window
        artists["links"][0].set_data(
            *np.transpose([start, place(artists["image"].axes, x + side - 0.5, y + side / 2)])
        )
        artists["links"][0].set_linewidth(1)


def _box(shape, channel):
    """(left, top, width, height) of a map in its mosaic."""
    row, column = divmod(channel, ACROSS)
    return column * (shape[2] + 1), row * (shape[1] + 1), shape[2], shape[1]


def _right(axes, box):
    return place(axes, box[0] + box[2], box[1] + box[3] / 2)


def _link(controls):
    """A stroke makes the drawing the source, another test digit the digit; the pad is empty for a digit."""
    source, drawing, kept = controls["source"], controls["drawing"], {}

    def draw(change):
        if change["new"]:
            source.value = DRAWING

    def take_digit(change):
        source.value = DIGIT

    def change_source(change):
        if change["new"] == DIGIT:
            kept["strokes"], drawing.value = drawing.value, ()
        elif not drawing.value:
            drawing.value = kept.pop("strokes", ())

    drawing.observe(draw, "value")
    controls["digit"].observe(take_digit, "value")
    source.observe(change_source, "value")
