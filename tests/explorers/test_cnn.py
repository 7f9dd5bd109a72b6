"""Chapter 1's explorers: right numbers, and controls that follow each other."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course import chapters, data
from course.explorers import cnn
from course.explorers.cnn.receptive_field import OWN, PRESETS
from course.explorers.cnn.sliding_kernel import KERNELS
from course.explorers.cnn.sliding_kernel import OWN as OWN_KERNEL

DIGITS = data.mnist()


def sliding_kernel():
    return cnn.sliding_kernel(F.conv2d, {"digit": DIGITS.x_train[1, 0], "photo": data.photograph(60).pixels})


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 4, 2), (4, 3, 4)])
def test_the_sum_of_the_shown_products_is_the_output_at_the_shown_place(stride, padding, dilation):
    explorer, kernel = sliding_kernel(), ((1.0, -2.0, 0.5), (0.0, 3.0, -1.0), (2.0, 0.25, -0.5))
    choice = dict(image="photo", kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    image = data.photograph(60).pixels[None, None]
    output = F.conv2d(image, torch.tensor(kernel)[None, None], None, stride, padding, dilation)
    for row, column in ((0, 0), (3, 5), (10**6, 10**6)):
        state = explorer.state(row=row, column=column, **choice)
        place = min(row, output.shape[2] - 1), min(column, output.shape[3] - 1)
        assert (state["row"], state["column"]) == place
        assert state["products"].sum() == pytest.approx(output[0, 0][place].item(), abs=1e-5)
        assert np.allclose(state["output"], output[0, 0])
        window = state["padded"][state["top"] :, state["left"] :][: state["span"], : state["span"]]
        assert np.array_equal(window[::dilation, ::dilation], state["patch"])


def test_preset_number_fields_and_ends_of_the_position_follow_each_other():
    explorer = sliding_kernel()
    preset, grid = explorer.controls["preset"], explorer.controls["kernel"]
    preset.value = "sharpen"
    assert grid.value == KERNELS["sharpen"]
    grid.numbers[4].value = 7.5
    assert preset.value == OWN_KERNEL and grid.value[1][1] == 7.5
    for number, value in zip(grid.numbers, np.ravel(KERNELS["identity"]), strict=True):
        number.value = value
    assert preset.value == "identity"
    explorer.set(stride=4, row=25, column=25)
    assert (explorer.controls["row"].max, explorer.controls["row"].value) == (6, 6)
    explorer.set(stride=1, padding=4)
    assert explorer.controls["row"].max == 33


FIELD = cnn.receptive_field(chapters.load_definitions("01_cnn").receptive_field)


def seen_by_gradient(layers, unit, pixels=28):
    """The input pixels on which one unit of real convolutions depends."""
    x = y = torch.ones(1, 1, pixels, dtype=torch.float64, requires_grad=True)
    for kernel, stride, dilation in layers:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)
        y = F.conv1d(y, ones, stride=stride, dilation=dilation)
    (gradient,) = torch.autograd.grad(y[0, 0, unit], x)
    return gradient[0, 0].nonzero()[:, 0].numpy(), y.shape[2]


@pytest.mark.parametrize("preset", [OWN, *PRESETS])
def test_the_receptive_field_is_where_the_gradient_is_not_zero(preset):
    rng = random.Random(0)
    for _ in range(30 if preset == OWN else 1):
        layers = {name: rng.randint(1, most) for name, most in (("layers", 5), ("kernel", 5))}
        layers |= {name: rng.randint(1, 3) for name in ("stride", "dilation")}
        for unit in (0, 1, 10**6):
            state = FIELD.state(preset=preset, unit=unit, **layers)
            chosen = state["seen"][-1][0]
            pixels, outputs = seen_by_gradient(state["layers"], chosen)
            assert np.array_equal(state["seen"][0], pixels)
            assert len(state["centres"][-1]) == outputs and chosen == min(unit, outputs - 1)
            assert pixels[-1] - pixels[0] + 1 == state["size"] and pixels[0] == chosen * state["jump"]
            assert state["centres"][-1][chosen] == (pixels[0] + pixels[-1]) / 2
            ends = {(x, int(row)) for line in state["lines"] for x, row in line}
            drawn = zip(state["centres"], state["seen"], strict=True)
            assert ends == {(c[i], row) for row, (c, seen) in enumerate(drawn) for i in seen}


def test_layers_that_do_not_fit_are_left_out_and_a_slider_leaves_the_preset():
    state = FIELD.state(kernel=5, stride=2, dilation=2, layers=5)
    assert (len(state["layers"]), state["asked"]) == (2, 5)
    explorer = cnn.receptive_field(chapters.load_definitions("01_cnn").receptive_field)
    explorer.set(preset=next(iter(PRESETS)))
    explorer.controls["stride"].value = 2
    assert explorer.controls["preset"].value == OWN and explorer.state()["layers"] == [(3, 2, 1)] * 3


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


NET = cnn.trained_net(Net(), DIGITS.x_test[:50], DIGITS.y_test[:50])
IMAGE = DIGITS.x_test[3, 0].clone()


def picture(**changes):
    return NET.state(digit=3, **changes)["image"]


def test_unchanged_digits_give_the_models_own_answer_and_maps():
    model = Net().train()
    state = cnn.trained_net(model, DIGITS.x_test[:50], DIGITS.y_test[:50]).state(digit=3)
    assert model.training
    model.eval()
    with torch.no_grad():
        first = torch.relu(model.conv1(IMAGE[None, None]))
        second = torch.relu(model.conv2(F.max_pool2d(first, 2)))
        probs = model(IMAGE[None, None]).softmax(1)[0]
    assert np.array_equal(state["image"], IMAGE) and np.allclose(state["probs"], probs, atol=1e-6)
    assert [maps.shape for maps in state["maps"]] == [(16, 24, 24), (32, 8, 8)]
    for maps, expected in zip(state["maps"], (first[0], second[0]), strict=True):
        assert np.allclose(maps, expected, atol=1e-6)
    assert state["said"] == probs.argmax() and state["label"] == DIGITS.y_test[3]


def test_shifts_are_rolls_of_the_padded_image_turns_are_clockwise_and_the_images_stay_as_they_are():
    for right, down in ((3, 0), (0, -3), (-8, 8)):
        rolled = torch.roll(F.pad(IMAGE, (8, 8, 8, 8)), (down, right), (0, 1))[8:-8, 8:-8]
        assert np.array_equal(picture(right=right, down=down), rolled)
    assert np.allclose(picture(turn=90), torch.rot90(IMAGE, -1), atol=1e-5)
    assert abs(picture(turn=-30).sum() - IMAGE.sum()) < 0.02 * IMAGE.sum()
    assert torch.equal(DIGITS.x_test[3, 0], IMAGE)


def test_thickness_grows_with_its_slider_and_blends():
    pictures = [picture(thickness=t / 2) for t in range(-4, 5)]
    for thinner, thicker in zip(pictures, pictures[1:], strict=False):
        assert (thinner <= thicker).all() and thinner.sum() < thicker.sum()
    image = np.pad(pictures[4], 1)
    around = [image[i : i + 28, j : j + 28] for i in range(3) for j in range(3)]
    assert np.array_equal(pictures[6], np.max(around, 0))
    assert np.array_equal(pictures[2][1:-1, 1:-1], np.min(around, 0)[1:-1, 1:-1])
    assert np.allclose(pictures[5], (pictures[4] + pictures[6]) / 2)


def test_noise_is_always_the_same_within_the_grey_scale_and_an_erased_block_is_0():
    noisy = picture(noise=0.3)
    assert np.array_equal(noisy, picture(noise=0.3)) and noisy.min() == 0 and noisy.max() == 1
    grey = (IMAGE > 0.3) & (IMAGE < 0.7)
    assert 0.15 < (noisy - IMAGE.numpy())[grey].std() < 0.45
    expected = IMAGE.clone()
    expected[10:17, 24:31] = 0
    assert np.array_equal(picture(erase=7, row=10, column=24), expected)
    assert (picture(erase=12, row=8, column=8, noise=0.6)[8:20, 8:20] == 0).all()
