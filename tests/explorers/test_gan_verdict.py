"""Chapter 5's explorer of the discriminator: right numbers, and what its recorded model tells."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from course import explorers
from course.explorers import gan
from course.explorers.drawing import EXAMPLE, digit_image
from course.explorers.gan.verdict import GRID, MADE, MINE, MOST, REAL, TURNED, density, finding, told

RNG = torch.Generator().manual_seed(5)
WEIGHTS = torch.randn(28 * 28, generator=RNG) / 10
DIGITS, MADE_UP = torch.rand(40, 28, 28, generator=RNG), torch.rand(30, 28, 28, generator=RNG)


def judge(images):
    return images.flatten(1) @ WEIGHTS


@pytest.fixture
def explorer():
    return gan.verdict(judge, DIGITS, MADE_UP)


def test_a_drawing_is_judged_as_the_image_that_it_makes_and_turned(explorer):
    for turn in range(4):
        state = explorer.state(turn=turn)
        seen = np.rot90(digit_image(EXAMPLE), -turn)
        assert np.array_equal(state["seen"], seen) and not state["known"].any()
        logit = judge(torch.tensor(seen.copy())[None]).item()
        assert state["logit"] == pytest.approx(logit, abs=1e-5)
        assert state["probability"] == pytest.approx(torch.tensor(logit).sigmoid().item(), abs=1e-5)


@pytest.mark.parametrize(("source", "images"), [(REAL, DIGITS), (MADE, MADE_UP)])
def test_a_rank_is_a_digits_place_in_the_order_of_the_verdicts(explorer, source, images):
    logits = judge(images[:30]).sort().values  # as many of both
    for rank in (1, 12, 30):
        state = explorer.state(source=source, rank=rank)
        assert state["logit"] == pytest.approx(logits[rank - 1].item(), abs=1e-5)
        assert np.array_equal(state["known"], state["seen"])
    name = "test digits" if source == REAL else "generated digits"
    assert explorer.state(source=source, rank=30)["above"][name] == 1 - 1 / 30
    assert explorer.controls["rank"].max == 30


def test_the_groups_are_real_turned_and_generated_digits(explorer):
    state = explorer.state()
    turned = judge(DIGITS[:30].rot90(-1, (1, 2)))
    for name, logits in (
        ("test digits", judge(DIGITS[:30])),
        (TURNED, turned),
        ("generated digits", judge(MADE_UP)),
    ):
        assert state["above"][name] == pytest.approx((logits < state["logit"]).double().mean().item())
    curve = density(np.array([-1.0, 0.0, 1.0, 9.0]))
    assert np.trapezoid(curve, GRID) == pytest.approx(0.875, abs=0.01)  # half a bell lies beyond the end


def test_a_press_among_the_verdicts_shows_the_digit_of_that_logit(explorer):
    for source, images, shown in ((MINE, DIGITS, REAL), (REAL, DIGITS, REAL), (MADE, MADE_UP, MADE)):
        values = explorer.touch["verdicts"](explorer.state(source=source), 0.25, 0.0)
        assert values["source"] == shown and values["turn"] == 0
        nearest = (judge(images[:30]) - 0.25).abs().min().item()
        assert abs(explorer.state(**values)["logit"] - 0.25) == pytest.approx(nearest, abs=1e-5)


def test_whoever_draws_sees_the_drawing_and_whoever_moves_the_rank_a_digit(explorer):
    explorer.controls["rank"].value = 10
    assert explorer.controls["source"].value == REAL
    explorer.controls["drawing"].value = (((0.2, 0.2), (0.8, 0.8)),)
    assert explorer.controls["source"].value == MINE
    explorer.controls["source"].value = REAL
    explorer.controls["drawing"].value += (((0.5, 0.2), (0.5, 0.8)),)  # a stroke over the digit
    assert explorer.controls["drawing"].value == (((0.5, 0.2), (0.5, 0.8)),)
    assert explorer.controls["source"].value == MINE
    explorer.set(source=MADE, rank=7)
    assert explorer.controls["source"].value == MADE
    explorer.reset()
    assert explorer.controls["source"].value == MINE and explorer.controls["drawing"].value == EXAMPLE
    assert explorer.ink == {"pad": "drawing"}


def test_nothing_drawn_is_not_judged(explorer):
    explorer.controls["drawing"].clear.click()
    state = explorer.state()
    assert state["empty"] and finding(state).startswith("Draw a digit on the pad")
    explorer.png()
    assert not len(explorer.picture.artists["rule"].get_xdata())
    assert explorer.picture.artists["prompt"].text == "draw a digit"
    explorer.controls["source"].value = MADE
    explorer.png()
    assert explorer.picture.artists["prompt"].text == ""
    explorer.controls["drawing"].clear.click()  # of an empty drawing under a digit
    assert explorer.controls["source"].value == MINE


def test_the_title_says_where_the_verdict_lies(explorer):
    state = explorer.state() | {"logit": -0.001, "probability": 0.5}
    state["above"] = {"test digits": 0.25, TURNED: 0.5, "generated digits": 1.0}
    assert finding(state) == (
        "Logit 0.00, real with 50 %: higher than for 25 % of test digits and 100 % of generated digits"
    )


def test_the_recorded_discriminator_tells_real_from_generated_and_takes_half_of_the_turned_ones():
    explorer = explorers.play("gan.verdict")
    groups = explorer.compute.args[2]
    assert [len(logits) for logits in groups.values()] == [MOST] * 3
    real, turned, made = (float((logits > 0).mean()) for logits in groups.values())
    assert real == pytest.approx(0.70, abs=0.03) and turned == pytest.approx(0.51, abs=0.03)
    assert made == pytest.approx(0.09, abs=0.03)
    assert told(groups).startswith("Taken for real (logit above 0): 70 % of test digits, 51 % of the same, ")
    drawings = json.loads(Path(__file__).with_name("drawn_digits.json").read_text(encoding="utf-8"))["digits"]
    images = np.stack([digit_image(each["strokes"]) for each in drawings])
    passed = (explorer.compute.args[0](images) > 0).mean()
    assert passed == pytest.approx(0.78, abs=0.05)  # of a hundred drawn digits
