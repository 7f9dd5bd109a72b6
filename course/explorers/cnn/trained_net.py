"""Chapter 1's explorer of the trained net: change a digit, and see its feature maps and the answer."""

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps

from course.explorers.base import Explorer, Picture
from course.explorers.controls import slider
from course.explorers.parts import moving, outline
from course.plots import COLOURS
from course.plots.texts import Caption

LAYERS = ("conv1", "conv2")
ACROSS = 4  # maps in a row of a mosaic
ALT = (
    "A changed digit, the feature maps that two convolutions make of it, "
    "and a bar for the probability of each class, the true one marked by a triangle."
)


def trained_net(model, images, labels):
    """Explore a trained net: move, turn, thicken or thin a digit, add noise, erase a block.

    Args:
        model: a module with the convolutions `conv1` and `conv2`, (1, 1, H, W) -> logits (1, K).
        images: (N, 1, H, W), values from 0 to 1.
        labels: (N,) true classes.
    """
    compute = partial(compute_trained_net, model, images, labels)
    side = images.shape[-1]
    controls = {
        "digit": slider("image", (0, len(images) - 1), 0),
        "right": slider("right (px)", (-8, 8), 0),
        "down": slider("down (px)", (-8, 8), 0),
        "turn": slider("turn (°)", (-45, 45), 0),
        "thickness": slider("thickness", (-2, 2, 0.1), 0),
        "noise": slider("noise", (0, 0.6, 0.02), 0),
        "erase": slider("erase (px)", (0, 12), 0),
        "row": slider("erase row", (0, side - 1), side // 2 - 4),
        "column": slider("erase col", (0, side - 1), side // 2 - 4),
    }
    state = compute(**{name: control.value for name, control in controls.items()})
    shapes, classes = [maps.shape for maps in state["maps"]], len(state["probs"])
    picture = Picture(partial(build, shapes=shapes, side=side, classes=classes), update, (9.6, 4.9))
    return Explorer("trained net", controls, compute, picture, ALT, main=("turn", "right"))


def compute_trained_net(model, images, labels, *, digit, erase, row, column, **changes):
    """The numbers behind one picture of the trained net.

    Args:
        digit: index of the image.
        erase: side in pixels of the block that is set to 0; row, column: its upper left corner.
    Returns:
        dict: image (H, W); maps, two arrays (C, H', W') after ReLU; probs (K,); label, said (the likeliest
        class).
    """
    x = changed(images[digit : digit + 1].float(), **changes)
    x[..., row : row + erase, column : column + erase] = 0
    maps, probs = watch(model, x)
    return {
        "image": x[0, 0].cpu().numpy(),
        "maps": maps,
        "probs": probs,
        "label": int(labels[digit]),
        "said": int(probs.argmax()),
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


def build(figure, shapes, side, classes):
    """All artists: the digit above the bars, then a mosaic of maps for each convolution."""
    grid = figure.add_gridspec(2, 3, width_ratios=(1, 1.95, 0.97), height_ratios=(1.2, 1))
    left, below = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    artists = {
        "image": left.imshow(np.zeros((side, side)), cmap="gray", vmin=0, vmax=1),
        "block": moving(left, color=COLOURS[1], linewidth=1.5),
        "corner": moving(left, "+", color=COLOURS[1], markersize=8),
        "bars": list(below.barh(range(classes), 0.5, color=COLOURS[0], height=0.7)),
        "true": moving(below, "<", color=COLOURS[1], markersize=7),
    }
    left.set_title("the changed image", fontsize=10)
    left.set(xlabel="column (pixels)", ylabel="row (pixels)")
    below.set_title("\n", fontsize=10)  # room for the caption
    below.set(xlabel="probability", ylabel="class", xlim=(0, 1.12), ylim=(classes - 0.4, -0.6))
    below.set(xticks=(0, 0.5, 1), yticks=range(classes))
    below.tick_params(axis="y", labelsize=8, length=0)
    artists["said"] = below.add_artist(Caption(0.45, 1.19))
    panels = [figure.add_subplot(grid[:, column]) for column in (1, 2)]
    artists["maps"] = [_mosaic(*pair) for pair in zip(panels, shapes, strict=True)]
    for axes, name, (channels, height, width) in zip(panels, LAYERS, shapes, strict=True):
        axes.set_title(f"{name} and ReLU\n{channels} maps of {height} × {width}", fontsize=10)
        axes.set_xlabel("next channels to the right\n", fontsize=10)  # room for the scale
    artists["scales"] = [axes.add_artist(Caption(0.5, -0.095, size=9)) for axes in panels]
    return artists


def _mosaic(axes, shape):
    """An empty mosaic with the channel of each row's first map beside it."""
    shown = tiles(np.zeros(shape))
    height = shape[1] + 1
    first = range(0, shape[0], ACROSS)
    axes.set_yticks([height * (i + 0.5) - 0.5 for i in range(len(first))], list(first))
    axes.set(xticks=[], ylabel="channel of the row's first map")
    axes.spines[:].set_visible(False)
    cmap = colormaps["gray"].with_extremes(under=COLOURS[5])
    return axes.imshow(shown, cmap=cmap, vmin=0, vmax=1, aspect="auto")  # the layout is exact only so


def tiles(maps):
    """Maps (C, H, W) side by side in one array, row by row, with gaps of -1 between them."""
    missing = -len(maps) % ACROSS
    padded = np.pad(maps, ((0, missing), (0, 1), (0, 1)), constant_values=-1)
    grid = padded.reshape(-1, ACROSS, *padded.shape[1:]).transpose(0, 2, 1, 3)
    return grid.reshape(-1, ACROSS * padded.shape[2])[:-1, :-1]


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["image"].set_data(state["image"])
    left, top, side = state["column"] - 0.5, state["row"] - 0.5, state["erase"]
    artists["block"].set_data(*outline(left, top, side, side))
    artists["corner"].set_data([left], [top])
    for image, maps, scale in zip(artists["maps"], state["maps"], artists["scales"], strict=True):
        top = max(float(maps.max()), 1e-9)
        image.set_data(tiles(maps))
        image.set_clim(0, top)
        scale.set_text(f"black 0, white {top:.2f}")
    for bar, probability in zip(artists["bars"], state["probs"], strict=True):
        bar.set_width(float(probability))
    artists["true"].set_data([1.06], [state["label"]])
    said, label = state["said"], state["label"]
    artists["said"].set_text(
        f"says {said} with {100 * state['probs'][said]:.0f} %,\ntrue {label} (triangle): "
        + ("right" if said == label else "wrong")
    )
