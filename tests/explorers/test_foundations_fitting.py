"""Chapter 0's explorer of fitting: right numbers, on stand-ins for the chapter's functions."""

import numpy as np
import pytest
import torch

from course.explorers.foundations.fitting import (
    FLOOR,
    GRID,
    HELD_OUT,
    HIGH,
    MOST,
    MOST_POINTS,
    MOST_SIZE,
    WORSE,
    caption,
    draw,
    fitting,
    said,
    truth,
)


def polynomial(x, size):
    return torch.stack([x**power for power in range(size + 1)], 1)


def units(x, size):
    kinks = torch.linspace(-1, 0.9, MOST_SIZE, dtype=torch.float64)[torch.arange(MOST_SIZE) * 7 % MOST_SIZE]
    return torch.cat([torch.ones(len(x), 1, dtype=x.dtype), (x[:, None] - kinks[:size]).clamp(min=0)], 1)


def ridge(features, y, weight_decay):
    """By the pseudo-inverse of the features with a row for the price of each weight below them."""
    count, width = features.shape
    prices = np.sqrt(count * weight_decay) * np.eye(width)[1:]
    rows = np.concatenate([features.numpy(), prices])
    return torch.from_numpy(np.linalg.pinv(rows) @ np.concatenate([y.numpy(), np.zeros(width - 1)]))


FEATURES = {"polynomial": polynomial, "ReLU units": units}
EXPLORER = fitting(FEATURES, ridge)
fit_of = EXPLORER.state


def error_of(w, x, y):
    return np.sqrt(np.mean((np.vander(x, len(w), increasing=True) @ w - y) ** 2))


@pytest.mark.parametrize(("points", "decay", "seed"), [(20, 0.0, 0), (7, 1e-3, 4), (100, 10.0, 9)])
def test_the_errors_are_those_of_the_chapters_weights_at_every_size(points, decay, seed):
    state = fit_of(points=points, decay=decay, seed=seed, size=6)
    x, scatter = draw(seed)
    y = truth(x) + 0.3 * scatter
    assert np.array_equal(state["x"], x[:points]) and np.array_equal(state["y"], y[:points])
    for size in range(0, 13, 3):
        w = ridge(polynomial(torch.from_numpy(x[:points]), size), torch.from_numpy(y[:points]), decay).numpy()
        assert state["train"][size] == pytest.approx(error_of(w, x[:points], y[:points]), abs=1e-7)
        assert state["held_out"][size] == pytest.approx(error_of(w, x[-HELD_OUT:], y[-HELD_OUT:]), rel=1e-6)
        if size == state["size"]:
            assert np.allclose(state["fit"], np.vander(GRID, size + 1, increasing=True) @ w)
    assert state["best"] == min(range(MOST_SIZE + 1), key=lambda size: state["held_out"][size])


def test_no_feature_gives_the_mean_and_a_larger_model_fits_its_points_better():
    state = fit_of(size=0)
    assert np.allclose(state["fit"], state["y"].mean())
    for model in FEATURES:
        state = fit_of(model=model, points=12, size=30)
        assert (np.diff(state["train"]) < 1e-8).all() and state["train"][30] < 1e-7
    assert fit_of(points=12)["train"][10] > 1e-3 and fit_of(points=12)["held_out"][11] > 1


def test_sliders_change_one_thing():
    few, many, loud = fit_of(points=5), fit_of(points=100), fit_of(points=5, noise=0.6)
    assert np.array_equal(few["x"], many["x"][:5]) and np.array_equal(few["y"], many["y"][:5])
    assert np.allclose(loud["y"] - truth(loud["x"]), 2 * (few["y"] - truth(few["x"])))
    assert np.array_equal(fit_of(noise=0.0)["y"], truth(many["x"][:20]))
    assert not np.array_equal(fit_of(seed=1)["x"], fit_of(seed=2)["x"])


@pytest.mark.parametrize("seed", range(10))
def test_all_points_lie_in_the_picture_and_held_out_ones_are_others(seed):
    x, scatter = draw(seed)
    assert np.abs(truth(x) + 0.6 * scatter)[:MOST_POINTS].max() < HIGH
    assert len(x) == len(set(x)) == MOST_POINTS + HELD_OUT and np.abs(x).max() <= 1


def test_it_begins_where_a_fit_is_too_large_and_both_regions_are_there():
    state = fit_of()
    assert (
        state["over"][state["size"]] and state["held_out"][state["size"]] > 5 * state["train"][state["size"]]
    )
    assert state["under"].any() and state["over"].sum() > 5
    assert np.flatnonzero(state["under"]).max() < state["best"] < np.flatnonzero(state["over"]).min()


def test_below_the_best_size_a_model_underfits_and_above_it_overfits():
    for choice in (
        dict(), dict(points=10), dict(decay=0.03), dict(model="ReLU units", points=100),
        dict(shift=4.0), dict(shift=-4.0), dict(noise=0.0),
    ):  # fmt: skip
        state = fit_of(**choice)
        lowest = min(state["held_out"].min(), fit_of(**choice | {"decay": 0.0})["held_out"].min())
        worse = state["held_out"] > WORSE * max(lowest, FLOOR)
        assert not state["strong"] and (state["under"] | state["over"]).tolist() == worse.tolist()
        assert not state["under"][state["best"] :].any() and not state["over"][: state["best"] + 1].any()
    assert not fit_of(decay=0.03, size=15)["over"][15] and fit_of(decay=0.0, size=15)["over"][15]
    for shift in (4.0, -4.0):
        assert caption(fit_of(size=12, shift=shift)).startswith("Size 12 overfits")
    assert caption(fit_of(size=12, noise=0.0)).startswith("Size 12 fits")


def test_with_too_much_weight_decay_every_size_underfits():
    state = fit_of(decay=10.0)
    assert state["strong"] and state["under"].all() and not state["over"].any()
    assert "Size 12 underfits" in caption(state) and caption(state).endswith("(too much decay)")


def test_what_is_said_of_a_fit():
    state = fit_of(size=9) | {"best": 3, "train": np.full(31, 0.2), "held_out": np.linspace(0.1, 0.4, 31)}
    none = np.zeros(31, dtype=bool)
    for under, over, does in ((none, none, "fits"), (~none, none, "underfits"), (none, ~none, "overfits")):
        assert caption(state | {"under": under, "over": over}) == (
            f"Size 9 {does} 20 points: error 0.2 on them, 0.19 on held-out ones (lowest: 0.13 at size 3)"
        )
    sizes = [said(value) for value in (0, 3e-15, 0.0123456, 41.27, 3e7, 1e300, np.inf)]
    assert sizes == ["0", "below 10⁻⁶", "0.012", "41", "3·10⁷", "too large", "too large"]


def test_a_dragged_point_follows_the_pointer_upwards_and_the_fit_follows_the_point():
    explorer = fitting(FEATURES, ridge)
    explorer.set(size=19)
    before = explorer.state()
    place = 4
    x, y = before["x"][place], before["y"][place]
    explorer.set(**explorer.touch["fit"](before, x + 0.003, y + 0.02))
    for height in (-1.25, 1.5, 1.45):  # a hand that moves quickly
        explorer.set(**explorer.touch["fit"](explorer.state(), x - 0.003, height))
        state = explorer.state()
        assert state["moved"] == place and state["y"][place] == pytest.approx(height, abs=1e-9)
        others = np.arange(20) != place
        assert np.array_equal(state["y"][others], before["y"][others])
    explorer.set(size=30)
    state = explorer.state()
    assert np.interp(x, GRID, state["fit"]) == pytest.approx(1.45, abs=0.1), "large models go through it"
    other = explorer.touch["fit"](state, state["x"][8], 0.5)
    assert other["grabbed"] == 9 and other["shift"] == pytest.approx(0.5 - before["y"][8])


def test_a_point_stays_in_the_picture_however_far_it_is_moved():
    explorer = fitting(FEATURES, ridge)
    for shift, edge in ((4.0, HIGH), (-4.0, -HIGH)):
        explorer.set(shift=shift)
        state = explorer.state()
        assert state["y"][state["moved"]] == pytest.approx(edge) and abs(state["shift"]) < abs(shift)
        explorer.set(**explorer.touch["fit"](state, state["x"][state["moved"]], 0.3))
        assert explorer.state()["y"][state["moved"]] == pytest.approx(0.3)


def test_a_point_is_chosen_among_those_that_there_are():
    explorer = fitting(FEATURES, ridge)
    explorer.box()
    assert explorer.controls["grabbed"].max == 20
    explorer.set(points=5)
    assert (explorer.controls["grabbed"].max, explorer.controls["grabbed"].value) == (5, 5)
    explorer.set(points=100, grabbed=80)
    assert explorer.state()["moved"] == 79


def test_fewer_points_than_the_grabbed_one_move_the_last():
    state = fit_of(points=5, grabbed=80, shift=1.0)
    assert state["moved"] == 4 and state["y"][4] == pytest.approx(fit_of(points=5)["y"][4] + 1)


def test_sizes_are_chosen_on_their_axis_and_played_to_the_end():
    explorer = fitting(FEATURES, ridge)
    assert explorer.touch["errors"](explorer.state(), 7.4, 0.5) == {"size": 7.4}
    while explorer.advance():
        pass
    assert explorer.controls["size"].value == MOST_SIZE
    assert explorer.advance(start=True) and explorer.controls["size"].value == 0


def wild(features, y, weight_decay):
    """Weights that explode with their number, as those of a broken solver."""
    w = torch.full((features.shape[1],), 10.0 ** min(10 * features.shape[1], 300), dtype=torch.float64)
    return w if features.shape[1] < 31 else w * torch.nan


def test_errors_beyond_the_scale_are_arrows_at_its_edge():
    explorer = fitting(FEATURES, wild)
    explorer.set(size=30, noise=0.0)
    explorer.png(density=1)
    state, here = explorer.state(), explorer.picture.artists["held_out here"]
    assert np.isinf(state["held_out"][-1]) and "too large on them" in caption(state)
    assert here.get_marker() == "^" and here.get_data() == ([30], [MOST])


def test_a_move_of_the_size_fits_nothing_anew_and_features_are_asked_once_for_a_seed():
    fits, asked = [], []
    features = {"polynomial": lambda x, size: asked.append(size) or polynomial(x, size)}
    explorer = fitting(features, lambda *args: fits.append(args) or ridge(*args))
    for size in (0, 30):
        explorer.state(size=size)
    assert asked == list(range(MOST_SIZE + 1)) and len(fits) == MOST_SIZE + 1
    explorer.state(decay=10.0, points=5)  # and without decay, with which this is compared
    assert len(asked) == MOST_SIZE + 1 and len(fits) == 3 * (MOST_SIZE + 1)
    features, y, decay = fits[2 * MOST_SIZE + 1]
    assert features.shape == (5, MOST_SIZE + 1) and y.shape == (5,) and decay == 10
