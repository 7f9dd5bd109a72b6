"""Chapter 1's explorers: right numbers, titles that are true, and what a pointer, ink and play do."""

import random
import re
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course import chapters, data, models
from course.explorers import cnn
from course.explorers.drawing import EXAMPLE

DIGITS = data.mnist()
kernel_module, field, net_module = (
    import_module(f"course.explorers.cnn.{name}")  # the package gives the functions these names
    for name in ("sliding_kernel", "receptive_field", "trained_net")
)


def sliding_kernel():
    return cnn.sliding_kernel(F.conv2d, {"digit": DIGITS.x_train[1, 0], "photo": data.photograph(60).pixels})


def title(explorer, **changes):
    """The line above the picture of a state."""
    explorer.picture.png(explorer.state(**changes), density=1)
    return explorer.picture.caption()


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 4, 2), (4, 3, 4)])
def test_the_sum_of_the_shown_products_is_the_output_at_the_shown_place(stride, padding, dilation):
    explorer, kernel = sliding_kernel(), ((1.0, -2.0, 0.5), (0.0, 3.0, -1.0), (2.0, 0.25, -0.5))
    choice = dict(stride=stride, padding=padding, dilation=dilation, preset=kernel_module.OWN, kernel=kernel)
    image = data.photograph(60).pixels[None, None]
    output = F.conv2d(image, torch.tensor(kernel)[None, None], None, stride, padding, dilation)[0, 0]
    for place in ((0, 0), (3, 5), (output.shape[0] - 1, output.shape[1] - 1)):
        position = place[0] * output.shape[1] + place[1]
        state = explorer.state(image="photo", shown=kernel_module.WHOLE, position=position, **choice)
        assert (state["row"], state["column"]) == place
        assert state["total"] == pytest.approx(output[place].item(), abs=0.0051)
        assert state["products"].sum() == pytest.approx(output[place].item(), abs=1e-5)
        assert np.allclose(state["output"], output)
        window = state["padded"][state["top"] :, state["left"] :][: state["span"], : state["span"]]
        assert np.array_equal(window[::dilation, ::dilation], state["patch"])
    assert explorer.state(image="photo", position=10**9, **choice)["row"] == output.shape[0] - 1


def test_the_first_state_shows_half_a_scan_and_its_title_says_what_the_sum_means():
    explorer = sliding_kernel()
    state = explorer.state()
    assert state["filled"] == state["position"] + 1 and 0.4 < state["filled"] / 26**2 < 0.6
    assert abs(state["total"]) > 2
    explorer.picture.png(state, density=1)
    shown = np.ma.filled(explorer.picture.artists["output"].get_array(), np.nan).ravel()
    assert np.array_equal(np.isfinite(shown), np.arange(26**2) < state["filled"])
    assert title(explorer) == f"Nine products add up to −{-state['total']:.2f}: the left is brighter"
    right = int(state["output"].argmax())
    assert title(explorer, position=right).endswith(": the right is brighter")
    assert title(explorer, position=0) == "Nine products add up to 0.00: left and right are alike"
    typed = dict(preset=kernel_module.OWN, kernel=((1, 1, 1),) * 3)
    assert title(explorer, **typed).endswith("one of the output's 26 × 26 values")
    for preset in kernel_module.KERNELS:
        assert len(title(explorer, preset=preset)) <= 95


def test_an_output_without_negative_numbers_is_grey_as_the_image_is():
    explorer = sliding_kernel()
    for preset, colours in (("blur", "gray"), ("identity", "gray"), ("outline", "PuOr")):
        explorer.picture.png(explorer.state(preset=preset), density=1)
        image = explorer.picture.artists["output"]
        assert image.get_cmap().name == colours
        assert image.get_clim()[0] == (0 if colours == "gray" else -image.get_clim()[1])


def test_the_titles_say_the_truth_of_the_pixels_around():
    explorer, places = sliding_kernel(), range(0, 26 * 26, 7)
    for preset, side in (("vertical edges", 1), ("horizontal edges", 0)):
        for position in places:
            state = explorer.state(preset=preset, position=position)
            weights = np.array([1, 2, 1])
            low, _, high = np.moveaxis(state["patch"], side, 0) @ weights
            words = {0: ("above", "below"), 1: ("left", "right")}[side]
            said = kernel_module.title(state)
            if abs(high - low) > 0.01:
                assert f"{words[int(high > low)]} is brighter" in said
    for position in places:
        state = explorer.state(preset="outline", position=position)
        patch = state["patch"]
        more = 4 * patch[1, 1] - patch[0, 1] - patch[1, 0] - patch[1, 2] - patch[2, 1]
        if abs(more) > 0.01:
            assert ("brighter" if more > 0 else "darker") in kernel_module.title(state)


def test_a_press_lays_the_windows_middle_there_and_a_press_in_the_output_takes_that_value():
    explorer = sliding_kernel()
    for stride, padding, dilation in ((1, 0, 1), (2, 1, 1), (3, 4, 2)):
        explorer.set(stride=stride, padding=padding, dilation=dilation)
        state = explorer.state()
        for y, x in ((11, 7), (14, 20)):
            moved = explorer.state(**explorer.touch["image"](state, x, y))
            middle = moved["top"] - padding + dilation, moved["left"] - padding + dilation
            assert max(abs(middle[0] - y), abs(middle[1] - x)) <= stride / 2
            assert moved["filled"] == moved["output"].size
        moved = explorer.state(**explorer.touch["output"](state, 4.4, 2.6))
        assert (moved["row"], moved["column"]) == (3, 4)
        outside = explorer.state(**explorer.touch["image"](state, -9, 99))
        assert (outside["row"], outside["column"]) == (state["output"].shape[0] - 1, 0)


@pytest.mark.parametrize("image", ["digit", "photo"])
def test_a_played_scan_fills_the_whole_output_in_a_few_seconds(image):
    explorer = sliding_kernel()
    explorer.set(image=image, stride=1)
    explorer._set_nearest(explorer.play(None))
    filled = [1]
    while explorer.advance():
        filled.append(explorer.state()["filled"])
    assert all(before < after for before, after in pairwise(filled))
    assert filled[-1] == explorer.state()["output"].size and 40 < len(filled) < 160
    assert filled[:3] == [1, 2, 3] if image == "digit" else filled[0] == 1
    assert explorer.advance(start=True) and explorer.state()["position"] == 0


def test_preset_and_number_fields_follow_each_other():
    explorer = sliding_kernel()
    preset, grid = explorer.controls["preset"], explorer.controls["kernel"]
    preset.value = "sharpen"
    assert grid.value == kernel_module.KERNELS["sharpen"]
    grid.numbers[4].value = 7.5
    assert preset.value == kernel_module.OWN and grid.value[1][1] == 7.5
    for number, value in zip(grid.numbers, np.ravel(kernel_module.KERNELS["identity"]), strict=True):
        number.value = value
    assert preset.value == "identity"
    explorer.reset()
    assert preset.value == "vertical edges" and grid.value == kernel_module.KERNELS["vertical edges"]


def test_lines_strike_no_numbers_and_minus_signs_are_true_ones():
    explorer = sliding_kernel()
    for position in (0, 25, 675):
        explorer.picture.png(explorer.state(position=position), density=1)
        artists = explorer.picture.artists
        (*_, link), output = artists["links"], artists["cell"].axes
        left, _, right = artists["products"][0].axes.bbox.x1, *output.bbox.intervalx
        ends = link.axes.transData.transform(np.transpose(link.get_data()))
        assert left <= ends[0, 0] < right and ends[:, 1].min() >= output.bbox.y0  # over the column's numbers
        assert output.yaxis.get_ticks_position() == "right"
        numbers = [text for name in ("kernel", "products") for text in artists[name][1]._texts]
        assert "−2.00" in numbers and not any("-" in text for text in numbers)


def test_every_number_of_a_kernel_has_its_label_and_ends():
    grid = sliding_kernel().controls["kernel"]
    assert grid.children[0].value == "kernel, numbers from −9 to 9"
    assert (grid.numbers[0].min, grid.numbers[0].max) == (-9, 9)


def test_the_window_stays_where_it_is_while_the_step_the_edge_or_the_image_changes():
    explorer = sliding_kernel()
    state = explorer.state()
    middle = state["row"] + 1, state["column"] + 1
    for changes in (dict(stride=4), dict(padding=4), dict(dilation=3), dict(stride=1), dict(padding=0)):
        explorer.set(**changes)
        state = explorer.state()
        shift = state["dilation"] - state["padding"]
        now = state["top"] + shift, state["left"] + shift
        assert max(abs(now[0] - middle[0]), abs(now[1] - middle[1])) <= 4
        assert explorer.controls["position"].max == state["output"].size - 1
    explorer.set(image="photo")
    state = explorer.state()
    assert state["row"] / state["output"].shape[0] == pytest.approx(middle[0] / 28, abs=0.1)


def receptive_field():
    return cnn.receptive_field(chapters.load_definitions("01_cnn").receptive_field)


FIELD, LENET = receptive_field(), "LeNet: conv 5, pool 2, twice"
FIELD.set(preset=LENET)


def seen_by_gradient(layers, unit, pixels=28):
    """The input pixels on which one unit of real convolutions depends."""
    x = y = torch.ones(1, 1, pixels, dtype=torch.float64, requires_grad=True)
    for kernel, stride, dilation in layers:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)
        y = F.conv1d(y, ones, stride=stride, dilation=dilation)
    (gradient,) = torch.autograd.grad(y[0, 0, unit], x)
    return gradient[0, 0].nonzero()[:, 0].numpy(), y.shape[2]


@pytest.mark.parametrize("preset", [field.OWN, *field.PRESETS])
def test_the_receptive_field_is_where_the_gradient_is_not_zero(preset):
    rng = random.Random(0)
    for _ in range(30 if preset == field.OWN else 1):
        shape = {"blocks": rng.randint(1, 4), "kernel": rng.randint(2, 5)}
        shape |= {name: rng.randint(1, 3) for name in ("stride", "growth", "pool")}
        for unit, layer in ((0, 1), (1, 2), (10**6, 8)):
            state = FIELD.state(preset=preset, unit=unit, layer=layer, **shape)
            chosen, row = state["unit"], state["layer"]
            pixels, outputs = seen_by_gradient(state["layers"][:row], chosen)
            assert np.array_equal(state["seen"][0], pixels) and list(state["seen"][-1]) == [chosen]
            assert len(state["centres"][row]) == outputs and chosen == min(unit, outputs - 1)
            assert pixels[-1] - pixels[0] + 1 == state["size"] and pixels[0] == chosen * state["jump"]
            assert state["centres"][row][chosen] == (pixels[0] + pixels[-1]) / 2
            ends = {(x, int(row)) for line in state["lines"] for x, row in line}
            drawn = zip(state["centres"], state["seen"], strict=False)
            assert ends == {(c[i], row) for row, (c, seen) in enumerate(drawn) for i in seen}
            if outputs > 1:
                beside, _ = seen_by_gradient(
                    state["layers"][:row], chosen + (1 if chosen + 1 < outputs else -1)
                )
                assert list(state["beside"]) == [beside[0], beside[-1]]


def any_shape(rng):
    return {name: rng.randint(*ends) for name, (label, ends) in field.SHAPE.items()}


def test_the_title_adds_the_field_up():
    lenet = title(FIELD)
    assert lenet == "It sees 16 pixels = 1 + 4·1 + 1·1 + 4·2 + 1·2; its neighbour's lie 4 further right"
    dilated = title(FIELD, preset="dilated: conv 3, dilation 1, 2, 4", layer=3)
    assert dilated == "It sees 15 pixels = 1 + 2·1 + 2·2 + 2·4; its neighbour's lie 1 further right"
    gaps = dict(preset=field.OWN, blocks=2, kernel=2, stride=1, growth=3, pool=1)
    assert title(FIELD, layer=2, **gaps).startswith("It sees 5 pixels = 1 + 1·1 + 1·3, reads 4;")
    assert title(FIELD, unit=3).endswith("; its neighbour's lie 4 further left")
    rng = random.Random(1)
    for _ in range(60):
        state = FIELD.state(preset=field.OWN, layer=8, **any_shape(rng))
        said = field.title(state)
        assert len(said) <= 95
        terms = re.match(r"It sees \d+ pixels = ([\d +·]+)", said)[1].split(" + ")
        assert sum(np.prod([int(n) for n in term.split("·")]) for term in terms) == state["size"]


def test_a_row_is_named_by_what_it_is():
    names = [field.row_name(row, layer, 2) for row, layer in enumerate(FIELD.state()["layers"], 1)]
    assert names == ["1: conv 5", "2: pool 2", "3: conv 5", "4: pool 2"]
    assert field.row_name(2, (3, 3, 9), pool=1) == "2: conv 3, stride 3, dilation 9"


def test_a_preset_sets_the_sliders_and_a_slider_leaves_the_preset():
    explorer = receptive_field()
    for preset, shape in field.PRESETS.items():
        explorer.controls["preset"].value = preset
        assert tuple(explorer.controls[name].value for name in field.SHAPE) == shape
        assert explorer.controls["preset"].value == preset
    explorer.controls["stride"].value = 2
    assert explorer.controls["preset"].value == field.OWN
    assert explorer.state()["layers"] == [(3, 2, 1), (3, 2, 2)]  # a third of dilation 4 does not fit
    explorer.reset()
    assert explorer.controls["preset"].value == next(iter(field.PRESETS))


def test_the_first_state_has_room_for_one_more_convolution():
    explorer = receptive_field()
    assert title(explorer) == "It sees 7 pixels = 1 + 2·1 + 2·1 + 2·1; its neighbour's lie 1 further right"
    explorer.controls["blocks"].value += 1
    assert title(explorer).startswith("It sees 9 pixels = ")


def test_every_step_of_every_slider_changes_what_is_seen():
    explorer, rng = receptive_field(), random.Random(2)
    settings = [{"preset": preset} for preset in field.PRESETS] + [any_shape(rng) for _ in range(12)]
    for setting in settings:
        explorer.set(**setting)
        state = explorer.state()
        assert explorer.controls["blocks"].value == state["blocks"]
        assert explorer.controls["layer"].max == state["layer"] == len(state["layers"])  # the top row
        assert state["unit"] == (len(state["centres"][-1]) - 1) // 2  # a unit in its middle
        assert explorer.controls["layer"].value == state["layer"]
        for layer in range(1, explorer.controls["layer"].max + 1):
            explorer.controls["layer"].value = layer
            units = explorer.controls["unit"].max + 1
            seen = {tuple(explorer.state(unit=unit)["field"]) for unit in range(units)}
            assert len(seen) == units == len(state["centres"][layer])
        most = explorer.controls["blocks"].max
        layers = {len(explorer.state(preset=field.OWN, blocks=n)["layers"]) for n in range(1, most + 1)}
        assert len(layers) == most
        growth, seen = explorer.controls["growth"], set()
        for growth.value in (1, 2, 3):
            seen.add(str(explorer.state()["layers"]))
        assert (len(seen) == 1) == growth.disabled


def test_convolutions_that_do_not_fit_come_back_when_they_do():
    explorer = receptive_field()
    explorer.set(preset=LENET)
    explorer.controls["stride"].value = 3
    assert explorer.controls["blocks"].value == explorer.controls["blocks"].max == 1
    explorer.controls["stride"].value = 1
    assert explorer.controls["blocks"].value == explorer.controls["blocks"].max == 2


def test_pointing_takes_the_nearest_unit_of_the_nearest_row():
    state = FIELD.state()
    for row in range(1, 5):
        for unit, centre in enumerate(state["centres"][row]):
            assert FIELD.touch["units"](state, centre + 0.3, (row - 0.4) / 4) == {"layer": row, "unit": unit}
    assert FIELD.touch["units"](state, -3, -1) == {"layer": 1, "unit": 0}
    assert FIELD.touch["units"](state, 99, 99) == {"layer": 4, "unit": 3}
    explorer = receptive_field()
    explorer.set(preset=LENET)
    explorer.box()
    for row, unit in ((4, 2), (1, 20), (1, 3), (3, 7)):  # a lower row has more units than the present one
        x, y = explorer.state()["centres"][row][unit], row / 4
        explorer._set_nearest(explorer.touch["units"](explorer.state(), x, y))
        assert (explorer.state()["layer"], explorer.state()["unit"]) == (row, unit)
        assert explorer.controls["unit"].max == len(explorer.state()["centres"][row]) - 1


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
READER = cnn.trained_net(models.digits_cnn(), DIGITS.x_test[:50], DIGITS.y_test[:50])
IMAGE = DIGITS.x_test[3, 0].clone()
SEVEN = (((0.3, 0.25), (0.7, 0.25), (0.45, 0.8)),)


def picture(**changes):
    return NET.state(digit=3, **changes)["image"]


def test_unchanged_digits_give_the_models_own_answer_and_maps():
    model = Net().train()
    explorer = cnn.trained_net(model, DIGITS.x_test[:50], DIGITS.y_test[:50])
    state = explorer.state(digit=3)
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
    assert list(state["best"]) == probs.topk(3).indices.tolist() and state["label"] == DIGITS.y_test[3]


def test_ink_is_read_while_it_is_drawn_and_clear_empties_the_pad():
    explorer = cnn.trained_net(models.digits_cnn(), DIGITS.x_test[:50], DIGITS.y_test[:50])
    assert explorer.state()["best"][0] == 2 and title(explorer).startswith("The net reads 2 with")
    assert explorer.ink == {"pad": "drawing"}
    explorer.set(drawing=SEVEN)
    state = explorer.state()
    assert state["best"][0] == 7 and state["probs"][7] > 0.9 and state["label"] is None
    explorer.controls["drawing"].clear.click()
    state = explorer.state()
    assert state["empty"] and state["probs"].sum() == 0 and state["image"].sum() == 0
    assert all(maps.sum() == 0 for maps in state["maps"]) and state["window"] is None
    assert title(explorer) == "Draw a digit on the pad: the net reads it while you draw"
    corner = tuple(tuple((0.6 + 0.35 * x, 0.6 + 0.35 * y) for x, y in stroke) for stroke in SEVEN)
    explorer.set(drawing=corner)
    assert explorer.state()["best"][0] == 7 != explorer.state(fit=net_module.AS_DRAWN)["best"][0]


def test_a_stroke_clear_and_a_test_digit_choose_what_is_read():
    explorer = cnn.trained_net(models.digits_cnn(), DIGITS.x_test[:50], DIGITS.y_test[:50])
    digit, drawing = explorer.controls["digit"], explorer.controls["drawing"]
    explorer.box()
    assert digit.value == net_module.DRAWING and explorer.state()["label"] is None
    seen = []
    for number in (0, 3):  # the first one, too, is reached from the first state
        digit.value = number
        assert np.array_equal(explorer.state()["image"], DIGITS.x_test[number, 0])
        seen.append(explorer.picture.caption())
    assert len(set(seen)) == 2
    drawing.value = (*EXAMPLE, *SEVEN)  # one more stroke on the pad, over the digit
    assert digit.value == net_module.DRAWING and drawing.value == SEVEN
    digit.value = 3
    drawing.clear.click()
    assert digit.value == net_module.DRAWING and explorer.state()["empty"]
    digit.value = 3
    assert drawing.value == ()
    drawing.clear.click()  # of an empty drawing under a digit
    assert digit.value == net_module.DRAWING
    explorer.set(drawing=SEVEN, digit=3)
    explorer.controls["fit"].value = net_module.AS_DRAWN
    assert digit.value == net_module.DRAWING and drawing.value == SEVEN
    explorer.reset()
    assert (digit.value, drawing.value) == (net_module.DRAWING, EXAMPLE)


def test_what_has_left_the_image_is_not_read():
    dot = (((0.05, 0.5),),)
    state = READER.state(drawing=dot, fit=net_module.AS_DRAWN, right=-8)
    assert state["empty"] and state["probs"].sum() == 0
    assert net_module.title(state) == "Nothing is left to read"
    assert not READER.state(drawing=dot, fit=net_module.AS_DRAWN)["empty"]
    shown = READER.picture.artists
    for changes, head in (({}, "draw here"), ({"digit": 3}, "a given digit; draw your own")):
        READER.picture.png(READER.state(**changes), density=1)
        assert shown["pad"].text == head


def test_a_press_on_a_map_chooses_it_and_its_origin_is_shown():
    shapes = ((16, 24, 24), (32, 8, 8))
    for layer, (channels, height, width) in enumerate(shapes):
        at = READER.touch[f"conv{layer + 1}"]
        for channel in range(channels):
            row, column = divmod(channel, 4)
            place = (width + 1) * column + 0.7 * width, (height + 1) * row + 0.2 * height
            assert at({}, *place) == {"chosen": (layer, channel)}
        assert at({}, -1, 3) == at({}, 4 * (width + 1) + 1, 3) == at({}, 3, 10**3) == {}
    model = models.digits_cnn()
    for chosen in ((0, 5), (1, 6)):
        state = READER.state(chosen=chosen)
        weight = (model.conv1, model.conv2)[chosen[0]].weight[chosen[1]]
        assert np.array_equal(state["kernels"], weight)


@pytest.mark.parametrize("chosen", [(0, 5), (0, 9), (1, 6), (1, 11)])
def test_the_square_is_what_the_strongest_unit_depends_on(chosen):
    state, model = READER.state(chosen=chosen), models.digits_cnn().double()
    layer, channel = chosen
    x = torch.from_numpy(state["image"]).double()[None, None].requires_grad_()
    for convolution in (model.conv1, model.conv2):
        torch.nn.init.ones_(convolution.weight)
    y = model.conv1(x)
    y = model.conv2(F.avg_pool2d(y, 2)) if layer else y
    place = np.unravel_index(state["maps"][layer][channel].argmax(), y.shape[2:])
    (gradient,) = torch.autograd.grad(y[0, 0][place], x)
    rows, columns = gradient[0, 0].nonzero().T
    left, top, side = state["window"]
    assert (columns.min(), rows.min()) == (left, top)
    assert (columns.max() - columns.min() + 1, rows.max() - rows.min() + 1) == (side, side)


def test_the_lines_join_a_map_to_those_that_weigh_most_in_it():
    model, state = models.digits_cnn(), READER.state(chosen=(1, 6))
    pooled = F.max_pool2d(torch.from_numpy(state["maps"][0]), 2)
    for source in range(16):
        share = F.conv2d(pooled[None, source : source + 1], model.conv2.weight[6:7, source : source + 1])
        assert state["strength"][source] == pytest.approx(share.abs().mean().item(), rel=1e-4)
    READER.picture.png(state, density=1)
    widths = [link.get_linewidth() for link in READER.picture.artists["links"]]
    assert widths[0] == 3 and widths == sorted(widths, reverse=True) and widths[-1] > 0


def test_the_title_says_right_and_wrong_and_whose_net_it_is():
    said = [title(READER, digit=3, turn=turn) for turn in range(-45, 46, 15)]
    label = int(DIGITS.y_test[3])
    for line, turn in zip(said, range(-45, 46, 15), strict=True):
        best = READER.state(digit=3, turn=turn)["best"][0]
        assert line.startswith(f"The net reads {best} with") and len(line) <= 95
        assert line.endswith(": right" if best == label else f": wrong, it is a {label}")
    assert net_module.title(READER.state() | {"own": True}).startswith("Your own net reads 2")
    assert [net_module.percent(p) for p in (1.0, 0.5, 0.0)] == ["> 99.9 %", "50.0 %", "< 0.1 %"]


def test_shifts_are_rolls_of_the_padded_image_turns_are_clockwise_and_the_images_stay_as_they_are():
    for right, down in ((3, 0), (0, -3), (-8, 8)):
        rolled = torch.roll(F.pad(IMAGE, (8, 8, 8, 8)), (down, right), (0, 1))[8:-8, 8:-8]
        assert np.array_equal(picture(right=right, down=down), rolled)
    assert np.allclose(picture(turn=90), torch.rot90(IMAGE, -1), atol=1e-5)
    assert abs(picture(turn=-30).sum() - IMAGE.sum()) < 0.02 * IMAGE.sum()
    assert torch.equal(DIGITS.x_test[3, 0], IMAGE)
