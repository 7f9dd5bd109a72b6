"""Chapter 5's explorer of recorded runs: right numbers, on stand-ins for the chapter's models."""

import math

import numpy as np
import pytest
import torch

from course.explorers import gan
from course.explorers.gan.ring import ARROWS, CELLS, LONGEST, MOST_LOGIT, SHADES, arrows, caption, look

TURN = torch.arange(8) * math.pi / 4
CENTRES = 2 * torch.stack([TURN.cos(), TURN.sin()], 1)
NOISE = torch.randn(500, 2, generator=torch.Generator().manual_seed(5))
HALF = 3.0


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
    "steady": [frame(step) for step in (0, 200, 400, 800, 1200)],
    "short": [frame(step, -0.01) for step in (0, 300, 3000)],
}
EXPLORER = gan.ring(RUNS, CENTRES)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("index", [0, 2])
def test_the_map_is_the_discriminator_at_the_middle_of_each_cell(run, index):
    state, other = (EXPLORER.state(run=run, frame=index + 1, shade=shade) for shade in SHADES)
    for row, column in ((0, 0), (7, 50), (CELLS - 1, 3), (CELLS - 1, CELLS - 1)):
        place = HALF * torch.tensor([[2 * column + 1 - CELLS, 2 * row + 1 - CELLS]]) / CELLS
        logit = RUNS[run][index]["logits"](place)
        assert state["map"][row, column] == pytest.approx(float(logit.sigmoid()), abs=1e-5)
        clipped = float(logit.clamp(-MOST_LOGIT, MOST_LOGIT))
        assert other["map"][row, column] == pytest.approx(clipped, abs=1e-4)
    assert (state["limits"], other["limits"]) == ((0, 1), (-10, 10))


def test_samples_pulls_and_measures_are_the_frames_own():
    for index, given in enumerate(RUNS["steady"]):
        state = EXPLORER.state(frame=index + 1)
        samples = given["sample"]()
        assert np.allclose(state["samples"], samples) and np.allclose(state["pulls"], given["pull"](samples))
        assert state["pull"] == pytest.approx(np.linalg.norm(state["pulls"], axis=1).mean())
        assert (state["modes"][index], state["quality"][index]) == (given["modes"], given["quality"])
        assert state["outside"] == int((samples.abs().max(1).values > HALF).sum())
    assert list(state["steps"]) == [0, 200, 400, 800, 1200] and state["of"] == 8
    assert EXPLORER.state(run="short", frame=5)["index"] == 2


def test_the_frames_slider_ends_where_the_run_ends():
    explorer = gan.ring(RUNS, CENTRES)
    assert explorer.controls["frame"].value == explorer.controls["frame"].max == 5
    explorer.set(run="short")
    assert explorer.controls["frame"].value == explorer.controls["frame"].max == 3
    explorer.set(run="steady", frame=5)
    assert explorer.controls["frame"].value == 5


def test_each_frame_is_computed_once_and_only_when_it_is_shown():
    calls = []

    def counted(step):
        return frame(step) | {"sample": lambda: calls.append(step) or NOISE}

    explorer = gan.ring({"only": [counted(step) for step in (0, 100, 200)]}, CENTRES)
    for number in (3, 1, 3):
        explorer.state(frame=number)
    assert sorted(calls) == [0, 200]


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
        drawn = arrows(places, pulls, HALF).reshape(-1, 6, 2)
        assert len(drawn) == ARROWS and np.isnan(drawn[:, 5]).all()
        along = drawn[:, 1] - drawn[:, 0]
        assert np.allclose(np.linalg.norm(along, axis=1), length, rtol=1e-5)
        chosen = [int(np.abs(places - tail).sum(1).argmin()) for tail in drawn[:, 0]]
        assert np.allclose(along * pull, pulls[chosen] * length, rtol=1e-4)
    assert len(arrows(places[:3], places[:3], HALF)) == 6 * 3


def test_the_ring_says_what_it_shows():
    assert caption(EXPLORER.state(frame=3) | {"pull": 0.1234, "outside": 7}) == (
        "steady, step 400: 4 of 8 modes found, 40 % of the samples within 3 standard deviations\n"
        "mean length of the pull: 0.123 (a pull of 1 has half of the longest arrow)"
        "; 7 of 500 samples outside the map"
    )
