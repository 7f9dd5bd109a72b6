"""Chapter 1's explorer of the trained net: it reads a drawing, and a map shows what it comes from."""

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.drawing import Strokes, build_pad, digit_image, pad_image, update_pad
from course.explorers.parts import moving, overlay, panel, place
from course.explorers.picture import Picture
from course.plots import COLOURS, SIGNED
from course.plots.texts import Caption, Texts

LAYERS = ("conv1", "conv2")
ACROSS = 4  # maps in a row of a mosaic
SOURCES = 3  # maps of the first layer that a line joins to one of the second
BEST = 3  # classes
SIZES = (20, 18, 16)  # pixels of a drawing's longer side; the first is that of MNIST's digits
DRAWING = "none"  # in place of a test digit
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
        "drawing": Strokes(),
        "digit": list_slider("test digit", [DRAWING, *range(len(images))], DRAWING),
        "chosen": list_slider("map: layer, number", [(f"{m[0] + 1}, {m[1]}", m) for m in maps], (1, 6)),
        "fit": menu("a drawing is read", [CENTRED, AS_DRAWN]),
        "turn": slider("turn (°)", (-45, 45), 0),
        "right": slider("right (px)", (-8, 8), 0),
        "down": slider("down (px)", (-8, 8), 0),
    }
    drawing, digit = controls["drawing"], controls["digit"]
    drawing.in_place_of(digit, DRAWING)
    controls["fit"].observe(lambda change: digit.set_trait("value", DRAWING), "value")
    compute = partial(compute_trained_net, model, images, labels)
    shapes = [maps.shape for maps in compute(**{n: c.value for n, c in controls.items()})["maps"]]
    return Explorer(
        "trained net", controls, compute, Picture(partial(build, shapes=shapes), update, (8.4, 4.0)), ALT,
        main=("drawing", "digit"), ink={"pad": "drawing"}, hint="Draw on the pad; click a feature map.",
        touch={name: partial(at_map, layer, shapes) for layer, name in enumerate(LAYERS)},
    )  # fmt: skip


def compute_trained_net(model, images, labels, *, drawing, digit, chosen, fit, **changes):
    """The numbers behind one picture of the trained net.

    Args:
        drawing: strokes, as `drawing.Strokes` keeps them; an empty image gives no answer.
        digit: index of the test image that is read, or `DRAWING`.
        chosen: (layer, channel) of a feature map, both from 0.
        fit: `CENTRED`, in all of `SIZES`, or `AS_DRAWN`.
        changes: for `changed`.
    Returns:
        dict: original (28, 28), the test image before the changes, 0 for a drawing; image (28, 28), what is
        read; maps, two arrays (C, H', W') after ReLU; probs (K,), best (the `BEST` likeliest classes, first
        the likeliest), label (None for a drawing), empty, own (whether the net is the reader's); of the
        chosen map: kernels (1 or C, K, K), strength (C,) of the first layer's maps in it, window (left, top,
        side) of what its strongest unit sees, None where all units are 0.
    """
    mine = digit == DRAWING
    if mine and fit == CENTRED:
        x = torch.from_numpy(np.stack([digit_image(drawing, size) for size in SIZES]))[:, None]
    else:
        x = torch.from_numpy(pad_image(drawing))[None, None] if mine else images[digit : digit + 1].float()
    after = torch.cat([changed(image[None], **changes) for image in x])
    empty = not after.any()
    maps, probs = watch(model, after)
    if empty:
        maps, probs = [0 * values for values in maps], 0 * probs
    layer, channel = chosen
    return {
        "original": (0 * x if mine else x)[0, 0].cpu().numpy(),
        "image": after[0, 0].cpu().numpy(),
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


def changed(x, *, right, down, turn):
    """A copy of x (1, 1, H, W), turned and then shifted; zeros come in.

    Args:
        right, down: int pixels.
        turn: degrees clockwise around the middle, with bilinear interpolation.
    """
    if turn:
        sin, cos = math.sin(math.radians(turn)), math.cos(math.radians(turn))
        back = x.new_tensor([[[cos, sin, 0], [-sin, cos, 0]]])  # from the output's places to the input's
        x = F.grid_sample(x, F.affine_grid(back, x.shape, align_corners=False), align_corners=False)
    return F.pad(x, (right, -right, down, -down)).clone()  # negative padding crops


def watch(model, x):
    """What a model makes of x (B, 1, H, W), as arrays: the maps after ReLU of conv1 and conv2 for the first
    image, and the mean of the probabilities; the model is left as it was.
    """
    seen, mode, parameter = {}, model.training, next(model.parameters())
    hooks = [
        getattr(model, name).register_forward_hook(lambda module, args, y, name=name: seen.update({name: y}))
        for name in LAYERS
    ]
    try:
        model.eval()
        with torch.no_grad():
            probs = model(x.to(parameter.device, parameter.dtype)).softmax(1).mean(0)
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
    first, second = (getattr(model, name).kernel_size[0] for name in LAYERS)
    row, column = np.unravel_index(values.argmax(), values.shape)
    step, side = ((1, first), (2, first + 1 + 2 * (second - 1)))[layer]  # conv, pooling by 2, conv
    return step * column, step * row, side


def at_map(layer, shapes, state, x, y):
    """The map of a mosaic at a point."""
    channels, height, width = shapes[layer]
    row, column = int(y // (height + 1)), int(x // (width + 1))
    inside = 0 <= column < ACROSS and 0 <= ACROSS * row + column < channels and row >= 0
    return {"chosen": (layer, ACROSS * row + column)} if inside else {}


def title(state):
    """What the net answers."""
    if state["empty"]:
        if state["label"] is None and not state["drawing"]:
            return "Draw a digit on the pad: the net reads it while you draw"
        return "Nothing is left to read"
    (first, second), probs = state["best"][:2], state["probs"]
    whose = "Your own net" if state["own"] else "The net"
    answer = f"{whose} reads {first} with {percent(probs[first])}".replace(">", "more than")
    if probs[second] >= 0.001:
        answer += f", then {second} with {percent(probs[second])}"
    if state["label"] is None:
        return answer
    return f"{answer}: " + ("right" if first == state["label"] else f"wrong, it is a {state['label']}")


def percent(probability):
    """A probability in per cent, not rounded to none or all."""
    if probability < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"


def build(figure, shapes):
    """All artists: the pad above the answer, what the net reads, then a mosaic of maps for each layer."""
    pad = panel(figure, 15, 45, 225, 225, "pad")
    answer = panel(figure, 45, 286, 140, 72, xlim=(0, 1), ylim=(BEST - 0.4, -0.6), xticks=(0, 1))
    answer.set_yticks(())
    read, kernel = panel(figure, 268, 45, 135, 135), panel(figure, 278, 235, 115, 115)
    layers = panel(figure, 430, 45, 225, 225, LAYERS[0]), panel(figure, 682, 45, 143, 313, LAYERS[1])
    above = overlay(figure)
    signed = colormaps[SIGNED].with_extremes(bad="white")
    frame = partial(Rectangle, (0, 0), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2)
    artists = build_pad(pad, 2.25) | {
        "image": read.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1, interpolation="nearest"),
        "window": read.add_patch(frame()),
        "sizes": read.add_artist(Caption(0.5, -0.08, size=9)),
        "kernels": kernel.imshow(np.zeros((2, 2)), cmap=signed, interpolation="nearest", extent=(0, 1, 1, 0)),
        "maps": [_mosaic(*pair) for pair in zip(layers, shapes, strict=True)],
        "chosen": [axes.add_patch(frame()) for axes in layers],
        "links": [moving(above, color=COLOURS[1]) for _ in range(SOURCES)],
        "ground": above.add_patch(Rectangle((4.2, 0.42), 2.5, 0.8, facecolor="white", zorder=3)),
        "meaning": above.add_artist(Caption(0.646, 0.275, size=9)),  # no link strikes it
        "bars": list(answer.barh(range(BEST), 0.5, color=COLOURS[0], height=0.7)),
        "classes": answer.add_artist(Texts(10, "DejaVu Sans", "bold", align=1)),
        "percents": answer.add_artist(Texts(9, "DejaVu Sans", align=0)),
        "caption": above.add_artist(Caption(0.5, 0.955, size=11)),
    }
    artists["meaning"].set_zorder(4)
    names = [f"{name}: {c} maps, {h} × {w}" for name, (c, h, w) in zip(LAYERS, shapes, strict=True)]
    for axes, name in zip((read, *layers), ("what the net reads", *names), strict=True):
        axes.set_title(name, fontsize=9, pad=3)
    for axes in (read, kernel, *layers):
        axes.set(xticks=(), yticks=())
    kernel.set_xlabel("kernel of the chosen map,\norange < 0 < purple", fontsize=9, labelpad=3)
    for axes in (read, kernel):
        axes.spines[:].set(visible=True, color="0.6")
    answer.spines[["top", "right"]].set_visible(False)
    answer.tick_params(labelsize=9, pad=1, length=2)
    answer.set_xlabel("probability", fontsize=9, labelpad=-7)
    return artists


def _mosaic(axes, shape):
    """An empty mosaic of maps: black for 0, white for the largest value of the layer."""
    shown = tiles(np.zeros(shape))
    axes.spines[:].set_visible(False)
    looks = dict(cmap=colormaps["gray"].with_extremes(bad="white"), interpolation="nearest", vmin=0, vmax=1)
    return axes.imshow(shown, aspect="auto", extent=(0, shown.shape[1], shown.shape[0], 0), **looks)


def tiles(maps, across=ACROSS):
    """Maps (C, H, W) side by side in one array, row by row, with gaps of NaN between them."""
    missing = -len(maps) % across
    padded = np.pad(maps, ((0, missing), (0, 1), (0, 1)), constant_values=np.nan)
    grid = padded.reshape(-1, across, *padded.shape[1:]).transpose(0, 2, 1, 3)
    return grid.reshape(-1, across * padded.shape[2])[:-1, :-1]


def update(artists, state):
    """Put a state's numbers into the artists."""
    mine, best, probs = state["label"] is None, state["best"], state["probs"]
    update_pad(artists, state["drawing"] if mine else (), state["original"])
    artists["image"].set_data(state["image"])
    several = mine and state["fit"] == CENTRED and not state["empty"]
    artists["sizes"].set_text("read at 3 sizes,\nprobabilities averaged;\nmaps: the first" if several else "")
    for image, maps in zip(artists["maps"], state["maps"], strict=True):
        image.set_data(tiles(maps))
        image.set_clim(0, max(float(maps.max()), 1e-9))
    for bar, k in zip(artists["bars"], best, strict=True):
        bar.set_width(float(probs[k]))
    rows = np.arange(0 if state["empty"] else BEST)
    artists["classes"].set_data(-0.05, rows, [str(k) for k in best[rows]])
    artists["percents"].set_data(probs[best[rows]] + 0.03, rows, [percent(p) for p in probs[best[rows]]])
    artists["caption"].set_text(title(state))
    _show_chosen(artists, state)
    _show_links(artists, state)


def _show_chosen(artists, state):
    """The chosen map's frame and kernels, and the square of the image that its strongest unit sees."""
    (layer, channel), kernels, window = state["chosen"], state["kernels"], state["window"]
    for i, (image, maps) in enumerate(zip(artists["chosen"], state["maps"], strict=True)):
        image.set_visible(i == layer)
        image.set_bounds(*box(maps, channel))
    shown = tiles(kernels) if layer else kernels[0]
    artists["kernels"].set_data(shown)
    artists["kernels"].set_clim(-np.abs(kernels).max(), np.abs(kernels).max())
    artists["window"].set_visible(window is not None)
    if window is not None:
        artists["window"].set_bounds(window[0] - 0.5, window[1] - 0.5, window[2], window[2])
    name = f"{LAYERS[layer]}, map {channel}"
    if window is None:
        artists["meaning"].set_text(f"{name}: all its units are 0")
        return
    lines = f"lines: the {SOURCES} maps that weigh most in it" if layer else "line: what it comes from"
    square = "square: what its strongest unit sees"
    artists["meaning"].set_text(f"{name}\n{lines}\n{square}\nwhite: the layer's largest value")


def _show_links(artists, state):
    """Lines from a map to what it comes from, the thicker the more it weighs."""
    (layer, channel), window = state["chosen"], state["window"]
    left, top, _, height = box(state["maps"][layer], channel)
    start, ends = place(artists["maps"][layer].axes, left, top + height / 2), []
    if layer and window is not None:
        for source in np.argsort(-state["strength"])[:SOURCES]:
            left, top, width, height = box(state["maps"][0], source)
            end = place(artists["maps"][0].axes, left + width, top + height / 2)
            ends.append((end, 3 * state["strength"][source] / state["strength"].max()))
    elif window is not None:
        ends.append((place(artists["image"].axes, window[0] + window[2], window[1] + window[2] / 2), 1))
    for i, link in enumerate(artists["links"]):
        end, weight = ends[i] if i < len(ends) else (start, 0)
        link.set_data(*np.transpose([start, end]))
        link.set_linewidth(weight)


def box(maps, channel):
    """(left, top, width, height) of a map (C, H, W) in its mosaic."""
    row, column = divmod(channel, ACROSS)
    return column * (maps.shape[2] + 1), row * (maps.shape[1] + 1), maps.shape[2], maps.shape[1]
