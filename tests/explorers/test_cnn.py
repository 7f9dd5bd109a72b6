"""Chapter 1's explorers: right numbers, and controls that follow each other."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course import data
from course.explorers import cnn
from course.explorers.cnn.receptive_field import OWN, PRESETS, compute_receptive_field
from course.explorers.cnn.sliding_kernel import KERNELS, compute_sliding_kernel
from course.explorers.cnn.sliding_kernel import OWN as OWN_KERNEL
from course.explorers.cnn.trained_net import compute_trained_net


def sliding_kernel():
    digit = data.mnist().x_train[1, 0]
    return cnn.sliding_kernel(F.conv2d, {"digit": digit, "photograph": data.photograph().pixels})


def layer_size(layers):
    """As in the chapter."""
    size = jump = 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump *= stride
    return size, jump


class Net(torch.nn.Module):
    """The chapter's CNN, of PyTorch's layers, with random weights and a dropout that training mode shows."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.conv2 = torch.nn.Conv2d(1, 16, 5), torch.nn.Conv2d(16, 32, 5)
        self.hidden, self.output = torch.nn.Linear(512, 64), torch.nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        hidden = F.dropout(torch.relu(self.hidden(x.flatten(1))), training=self.training)
        return self.output(hidden)


def trained_net():
    digits = data.mnist()
    return cnn.trained_net(Net(), digits.x_test[:50], digits.y_test[:50])


EXPLORERS = {
    "sliding kernel": sliding_kernel,
    "receptive field": lambda: cnn.receptive_field(layer_size),
    "trained net": trained_net,
}


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 4, 2), (4, 3, 4)])
def test_the_sum_of_the_shown_products_is_the_output_at_the_shown_place(stride, padding, dilation):
    images = {"photograph": data.photograph(60).pixels}
    kernel = ((1.0, -2.0, 0.5), (0.0, 3.0, -1.0), (2.0, 0.25, -0.5))
    choice = dict(image="photograph", kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    output = F.conv2d(
        images["photograph"][None, None], torch.tensor(kernel)[None, None], None, stride, padding, dilation
    )
    for row, column in ((0, 0), (3, 5), (10**6, 10**6)):
        state = compute_sliding_kernel(F.conv2d, images, row=row, column=column, **choice)
        place = min(row, output.shape[2] - 1), min(column, output.shape[3] - 1)
        assert (state["row"], state["column"]) == place
        assert state["products"].sum() == pytest.approx(output[0, 0][place].item(), abs=1e-5)
        assert np.allclose(state["output"], output[0, 0])
        window = state["padded"][state["top"] :, state["left"] :][
            : state["span"] : dilation, : state["span"] : dilation
        ]
        assert np.array_equal(window, state["patch"])


def test_preset_and_number_fields_follow_each_other():
    explorer = sliding_kernel()
    preset, grid = explorer.controls["preset"], explorer.controls["kernel"]
    preset.value = "sharpen"
    assert grid.value == KERNELS["sharpen"]
    grid._fields[4].value = 7.5
    assert preset.value == OWN_KERNEL and grid.value[1][1] == 7.5
    for f, number in zip(grid._fields, np.ravel(KERNELS["identity"]), strict=True):
        f.value = number
    assert preset.value == "identity"


def test_the_position_sliders_end_where_the_output_ends():
    explorer = sliding_kernel()
    explorer.set(stride=4, row=25, column=25)
    assert (explorer.controls["row"].max, explorer.controls["row"].value) == (6, 6)
    explorer.set(stride=1, padding=4)
    assert explorer.controls["row"].max == 33


def seen_by_gradient(layers, unit, pixels=28):
    """The input pixels on which one unit of real convolutions depends."""
    x = y = torch.ones(1, 1, pixels, dtype=torch.float64, requires_grad=True)
    for kernel, stride, dilation in layers:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)
        y = F.conv1d(y, ones, stride=stride, dilation=dilation)
    (gradient,) = torch.autograd.grad(y[0, 0, unit], x)
    return gradient[0, 0].nonzero()[:, 0].numpy(), y.shape[2]


RANDOM = random.Random(0)
OWN_LAYERS = [
    (RANDOM.randint(1, 5), *(RANDOM.randint(a, b) for a, b in ((1, 5), (1, 3), (1, 3)))) for _ in range(30)
]


@pytest.mark.parametrize("preset", [OWN, *PRESETS])
def test_the_receptive_field_is_where_the_gradient_is_not_zero(preset):
    for layers, kernel, stride, dilation in OWN_LAYERS if preset == OWN else OWN_LAYERS[:1]:
        for unit in (0, 1, 10**6):
            state = compute_receptive_field(
                layer_size, 28, preset=preset, layers=layers, kernel=kernel, stride=stride,
                dilation=dilation, unit=unit,
            )  # fmt: skip
            chosen = state["seen"][-1][0]
            pixels, outputs = seen_by_gradient(state["layers"], chosen)
            assert np.array_equal(state["seen"][0], pixels)
            assert len(state["centres"][-1]) == outputs and chosen == min(unit, outputs - 1)
            assert pixels[-1] - pixels[0] + 1 == state["size"] and pixels[0] == chosen * state["jump"]
            assert state["centres"][-1][chosen] == (pixels[0] + pixels[-1]) / 2
            ends = {(x, int(row)) for line in state["lines"] for x, row in line}
            drawn = zip(state["centres"], state["seen"], strict=True)
            assert ends == {(c[i], row) for row, (c, seen) in enumerate(drawn) for i in seen}


def test_layers_that_do_not_fit_are_left_out():
    choice = dict(preset=OWN, kernel=5, stride=2, dilation=2, unit=0)
    state = compute_receptive_field(layer_size, 28, layers=5, **choice)
    assert (len(state["layers"]), state["asked"]) == (2, 5)
    with pytest.raises(RuntimeError, match="[Kk]ernel size"):
        seen_by_gradient([(5, 2, 2)] * 3, 0)


def test_a_slider_leaves_the_preset():
    explorer = cnn.receptive_field(layer_size)
    explorer.set(preset=next(iter(PRESETS)))
    explorer.controls["stride"].value = 2
    assert explorer.controls["preset"].value == OWN
    assert explorer.state()["layers"] == [(3, 2, 1)] * 3


UNCHANGED = dict(right=0, down=0, turn=0, thickness=0.0, noise=0.0, erase=0, row=0, column=0)


def look(model=None, digit=3, **changes):
    digits = data.mnist()
    x, y = digits.x_test[:50], digits.y_test[:50]
    before = x.clone()
    state = compute_trained_net(model or Net(), x, y, digit=digit, **(UNCHANGED | changes))
    assert torch.equal(x, before), "the images stay as they are"
    return state, x[digit, 0]


def test_unchanged_digits_give_the_models_own_answer_and_maps():
    model = Net().train()
    state, image = look(model)
    assert model.training and not model.conv1._forward_hooks
    model.eval()
    with torch.no_grad():
        first = torch.relu(model.conv1(image[None, None]))
        second = torch.relu(model.conv2(F.max_pool2d(first, 2)))
        probs = model(image[None, None]).softmax(1)[0]
    assert np.array_equal(state["image"], image) and np.allclose(state["probs"], probs, atol=1e-6)
    for maps, expected, shape in zip(
        state["maps"], (first[0], second[0]), ((16, 24, 24), (32, 8, 8)), strict=True
    ):
        assert maps.shape == shape and np.allclose(maps, expected, atol=1e-6)
    assert state["said"] == probs.argmax() and state["label"] == data.mnist().y_test[3]


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -3), (-8, 8)])
def test_a_shift_is_a_roll_of_the_padded_image(right, down):
    state, image = look(right=right, down=down)
    rolled = torch.roll(F.pad(image, (8, 8, 8, 8)), (down, right), (0, 1))[8:-8, 8:-8]
    assert np.array_equal(state["image"], rolled)


def test_turns_are_clockwise_and_keep_the_ink():
    state, image = look(turn=90)
    assert np.allclose(state["image"], torch.rot90(image, -1), atol=1e-5)
    state, image = look(turn=-30)
    assert not np.allclose(state["image"], look(turn=30)[0]["image"], atol=0.1)
    assert abs(state["image"].sum() - image.sum()) < 0.02 * image.sum()


def test_thickness_grows_with_its_slider_and_blends():
    pictures = [look(thickness=t)[0]["image"] for t in (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)]
    for thinner, thicker in zip(pictures, pictures[1:], strict=False):
        assert (thinner <= thicker).all() and thinner.sum() < thicker.sum()
    image = np.pad(pictures[4], 1)
    around = [image[i : i + 28, j : j + 28] for i in range(3) for j in range(3)]
    assert np.array_equal(pictures[6], np.max(around, 0))
    assert np.array_equal(pictures[2][1:-1, 1:-1], np.min(around, 0)[1:-1, 1:-1])
    assert np.allclose(pictures[5], (pictures[4] + pictures[6]) / 2)


def test_noise_is_always_the_same_and_stays_within_the_grey_scale():
    noisy, image = look(noise=0.3)
    assert np.array_equal(noisy["image"], look(noise=0.3)[0]["image"])
    assert noisy["image"].min() == 0 and noisy["image"].max() == 1
    grey = (image > 0.3) & (image < 0.7)
    added = (noisy["image"] - image.numpy())[grey]
    assert 0.15 < added.std() < 0.45


def test_an_erased_block_is_0_and_the_rest_stays():
    state, image = look(erase=7, row=10, column=24)
    expected = image.clone()
    expected[10:17, 24:31] = 0
    assert np.array_equal(state["image"], expected)
    assert (look(erase=12, row=8, column=8, noise=0.6)[0]["image"][8:20, 8:20] == 0).all()


def test_predict_replaces_the_softmax():
    digits = data.mnist()
    state = compute_trained_net(
        Net(), digits.x_test, digits.y_test, lambda model, x: model(x).sigmoid(), digit=0, **UNCHANGED
    )
    assert abs(state["probs"].sum() - 1) > 0.1
