"""Chapter 5's explorer of recorded runs: right numbers, on stand-ins for the chapter's models."""

import math

import numpy as np
import pytest
import torch

from course.explorers import gan
from course.explorers.gan.ring import ARROWS, CELLS, LONGEST, arrows, finding, look

TURN = torch.arange(8) * math.pi / 4
CENTRES = 2 * torch.stack([TURN.cos(), TURN.sin()], 1)
NOISE = torch.randn(500, 2, generator=torch.Generator().manual_seed(5))
HALF = 3.0
STEPS = (0, 200, 400, 800, 1200)


def frame(step, slope=4.0):
    """Samples that grow from the origin, and a logit of one slope: slope·(x_1 + x_2)."""
    return {
        "step": step,
        "sample": lambda: NOISE * step / 1000,
        "logits": lambda x: slope * x.sum(1),
        "pull": lambda x: torch.full_like(x, slope) * x[:, :1].sign(),
        "modes": min(8, step // 100),
        "quality": min(1.0, step / 1000),
    }


RUNS = {
    "steady": [frame(step) for step in STEPS],
    "lost": [frame(step, -0.01) | {"modes": 0} for step in STEPS],
}
EXPLORER = gan.ring(RUNS, CENTRES)


@pytest.mark.parametrize("index", [0, 2])
def test_the_maps_are_the_discriminators_at_the_middle_of_each_cell(index):
    state = EXPLORER.state(step=STEPS[index])
    for run, frames in RUNS.items():
        for row, column in ((0, 0), (7, 50), (CELLS - 1, 3), (CELLS - 1, CELLS - 1)):
            place = HALF * torch.tensor([[2 * column + 1 - CELLS, 2 * row + 1 - CELLS]]) / CELLS
            chance = frames[index]["logits"](place).sigmoid()
            assert state["runs"][run]["real"][row, column] == pytest.approx(float(chance), abs=1e-5)


def test_samples_pulls_and_measures_are_the_frames_own():
    for index, step in enumerate(STEPS):
        state = EXPLORER.state(step=step)
        for name, run in state["runs"].items():
            given = RUNS[name][index]
            samples = given["sample"]()
            assert np.allclose(run["samples"], samples) and np.allclose(run["pulls"], given["pull"](samples))
            assert (run["modes"], run["quality"]) == (given["modes"], given["quality"])
        assert state["of"] == 8


def test_it_begins_at_the_first_step_and_plays_all_to_the_last():
    explorer = gan.ring(RUNS, CENTRES)
    explorer.box()
    played = [explorer.controls["step"].value]
    while explorer.advance():
        played.append(explorer.controls["step"].value)
    assert played == list(STEPS)
    assert explorer.advance(start=True) and explorer.controls["step"].value == 0
    assert explorer.touch["modes lost"](explorer.state(), 410.0, 2.0) == {"step": 410.0}


def test_each_frame_is_computed_once_and_only_when_it_is_shown():
    calls = []

    def counted(step):
        return frame(step) | {"sample": lambda: calls.append(step) or NOISE}

    explorer = gan.ring({"only": [counted(step) for step in (0, 100, 200)]}, CENTRES)
    for step in (200, 0, 200):
        explorer.state(step=step)
    assert calls == [200, 0]


def test_gradients_can_be_taken_within_a_pull():
    def pull(x):
        x = x.clone().requires_grad_()
        return -torch.autograd.grad((x**2).sum(), x)[0]

    weight = torch.ones(2, requires_grad=True)
    given = frame(500) | {"pull": pull, "logits": lambda x: x @ weight, "sample": lambda: NOISE * weight}
    assert np.allclose(look(given, HALF)["pulls"], -2 * NOISE, atol=1e-6)


def test_an_arrow_points_along_the_pull_and_grows_with_it_up_to_a_length():
    places = np.random.default_rng(0).normal(size=(500, 2))
    turn = np.linspace(0, 6, 500)
    for pull, length in ((0.0, 0.0), (1.0, LONGEST * HALF / 2), (1e6, LONGEST * HALF)):
        pulls = pull * np.stack([np.cos(turn), np.sin(turn)], 1)
        tails, along = arrows(places, pulls, HALF)
        assert len(tails) == ARROWS and np.allclose(np.linalg.norm(along, axis=1), length, rtol=1e-5)
        chosen = [int(np.abs(places - tail).sum(1).argmin()) for tail in tails]
        assert np.allclose(along * pull, pulls[chosen] * length, rtol=1e-4)
    assert len(arrows(places[:3], places[:3], HALF)[0]) == 3


def test_the_title_tells_who_holds_the_modes():
    assert finding(EXPLORER.state()) == "Step 0: no run has found a mode yet"
    assert finding(EXPLORER.state(step=400)) == "Step 400: no run holds all 8 modes (“steady” 4, “lost” 0)"
    assert finding(EXPLORER.state(step=1200)) == "Step 1,200: “steady” holds all 8 modes, “lost” finds none"
    both = EXPLORER.state(step=1200)
    both["runs"]["lost"] = both["runs"]["lost"] | {"modes": 8}
    assert finding(both) == "Step 1,200: “steady” and “lost” hold all 8 modes"
