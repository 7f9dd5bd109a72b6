"""Chapter 0's explorer of depth: right numbers."""

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import foundations
from course.explorers.foundations.depth import EDGES, GAINS, HIGH, SCALES, caption, outlines, verdict

CHAPTER = chapters.load_definitions("00_foundations")
signals, INITIALISATIONS, ACTIVATIONS = CHAPTER.layer_arrays, CHAPTER.INITIALISATIONS, CHAPTER.ACTIVATIONS
EXPLORER = foundations.depth(signals, ACTIVATIONS, INITIALISATIONS)


def constant(forward, backward):
    """The state of linear layers whose signals are these, whatever is asked."""
    found = [[torch.tensor(values, dtype=torch.float64) for values in part] for part in (forward, backward)]
    explorer = foundations.depth(
        lambda *_: found, ACTIVATIONS | {"relu": ACTIVATIONS["linear"]}, INITIALISATIONS
    )
    return explorer.state(layers=len(forward))


def test_the_chapters_function_is_asked_once_for_a_setting_with_the_scaled_standard_deviation():
    calls = []

    def asked(widths, activation, std_of):
        calls.append((widths, activation, std_of(8, 24)))
        return signals(widths, activation, std_of)

    explorer = foundations.depth(asked, ACTIVATIONS, INITIALISATIONS)
    for _ in range(2):
        explorer.state(layers=3, width=32, activation="tanh", scale=2.0)
    assert calls == [((32, 32, 32, 32), "tanh", pytest.approx(0.5))]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_histograms_and_mean_squares_are_those_of_the_activations_and_of_the_scaled_gradients(activation):
    state = EXPLORER.state(activation=activation, initialisation="He", scale=1.2, layers=6, width=32)
    zs, gradients = signals(
        (32,) * 7, activation, lambda n_in, n_out: 1.2 * INITIALISATIONS["He"](n_in, n_out)
    )
    last = gradients[-1].square().mean().sqrt()
    for name, expected in (
        ("forward", [ACTIVATIONS[activation][0](z) for z in zs]),
        ("backward", [gradient / last for gradient in gradients]),
    ):
        for layer, values in enumerate(expected):
            values = values.numpy().ravel()
            counts = np.histogram(values, EDGES)[0]
            assert np.allclose(state[f"{name}_bars"][layer], counts / len(values))
            assert state[name][layer] == pytest.approx((values**2).mean())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_prediction_is_width_variance_and_gain_and_a_wide_net_does_it(activation):
    choice = dict(activation=activation, initialisation="Xavier", scale=1.2, width=128, layers=20)
    state = EXPLORER.state(**choice)
    if activation not in GAINS:
        assert state["predicted"] is state["forward_line"] is state["backward_line"] is None
        return
    assert state["predicted"] == pytest.approx(1.2**2 * GAINS[activation])
    for name, first, way in (("forward", 0, 1), ("backward", -1, -1)):
        line = state[f"{name}_line"][::way]
        assert line[0] == state[name][first] and np.allclose(line[1:], line[:-1] * state["predicted"])
        assert state[f"{name}_factor"] ** 2 == pytest.approx(state["predicted"], rel=0.05)


def test_it_begins_where_a_signal_vanishes_and_each_regime_has_its_name():
    state = EXPLORER.state()
    sizes = np.sqrt(state["forward"])
    assert sizes[-1] < 0.05 * sizes[0] and (np.diff(sizes) < 0).all()
    for choice, forward, backward in (
        ({}, "vanishes", "vanishes"),
        (dict(initialisation="He"), "stays", "stays"),
        (dict(initialisation="He", scale=1.2), "explodes", "explodes"),
        (dict(activation="sigmoid"), "stays", "vanishes"),
        (dict(activation="sigmoid", scale=2.0), "stays", "vanishes"),
        (dict(activation="tanh", scale=2.0), "saturates", "explodes"),
        (dict(activation="tanh", scale=1.0), "shrinks", "shrinks"),
        (dict(activation="tanh", scale=1.6), "stays", "grows"),
        (dict(layers=2), "shrinks", "shrinks"),
        (dict(activation="tanh", scale=1.2), "stays", "stays"),
    ):
        state = EXPLORER.state(**choice)
        assert (state["forward_verdict"], state["backward_verdict"]) == (forward, backward), choice
        assert f"The signal {forward} (" in caption(state) and f"back, {backward} (" in caption(state)
        assert len(caption(state)) <= 95


def test_signal_and_gradient_are_compared_with_where_they_come_from():
    state = constant([[[1.0]], [[2.0]], [[3.0]]], [[[6.0]], [[-3.0]], [[2.0]]])
    assert state["forward_factor"] ** 2 == pytest.approx(3) == state["backward_factor"] ** 2
    assert list(state["forward"]) == [1, 4, 9] and list(state["backward"]) == [9, 2.25, 1]
    assert state["forward_verdict"] == state["backward_verdict"] == "grows"
    assert caption(state) == (
        "The signal grows (RMS × 1.7 per layer); the gradient, going back, grows (× 1.7)"
    )
    assert constant([[[1.0]], [[40.0]]], [[[1.0]], [[1.0]]])["forward_verdict"] == "explodes"
    nothing = constant([[[0.0]], [[0.0]]], [[[0.0]], [[0.0]]])
    assert nothing["forward_verdict"] == nothing["backward_verdict"] == "vanishes"
    assert "× 1·10⁻⁵ per layer" in caption(state | {"forward_factor": 1.234e-5})


@pytest.mark.parametrize("steps", [1, 2, 11, 29])
def test_a_word_never_contradicts_the_factor_beside_it(steps):
    for factor in (0.3, 0.8, 0.94, 0.97, 1.0, 1.03, 1.06, 1.2, 3):
        word = verdict(factor**steps, factor)
        assert (word in ("vanishes", "shrinks")) == (factor < 0.95)
        assert (word in ("explodes", "grows")) == (factor > 1.05)
        assert (word in ("vanishes", "explodes")) == (abs(np.log(factor) * steps) > np.log(5))


def test_a_size_beyond_the_panel_is_an_arrow_at_its_edge_with_its_value():
    explorer = foundations.depth(signals, ACTIVATIONS, INITIALISATIONS)
    for layers in (12, 30):
        explorer.set(activation="linear", scale=2.0, layers=layers)
        explorer.png(density=1)
        for name in ("forward", "backward"):
            artists, sizes = explorer.picture.artists, np.sqrt(explorer.state()[name])
            x, y = artists[f"{name}_high"].get_data()
            assert len(x) == (sizes > HIGH).sum() and (np.asarray(y) == HIGH).all()
            assert np.isnan(artists[f"{name}_dots"].get_ydata()).sum() == len(x)
            assert 3 < len(artists[f"{name}_sizes"]._texts) <= 15


def test_the_upper_panel_has_no_empty_half():
    explorer = foundations.depth(signals, ACTIVATIONS, INITIALISATIONS)
    for activation, low in (("relu", -0.15), ("tanh", -HIGH), ("sigmoid", -0.15), ("linear", -HIGH)):
        explorer.set(activation=activation)
        explorer.png(density=1)
        assert explorer.picture.artists["forward_dots"].axes.get_ylim() == (low, HIGH)


def test_units_are_flat_where_the_activation_is():
    z = torch.tensor([[3.0, -3.0, 0.1, 2.0]], dtype=torch.float64)
    explorer = foundations.depth(lambda *_: ([z, z], [z, z]), ACTIVATIONS, INITIALISATIONS)
    found = {name: explorer.state(activation=name, layers=2)["saturated"] for name in ACTIVATIONS}
    assert found == pytest.approx(dict(linear=0, sigmoid=1 / 3, tanh=2 / 3, relu=0, gelu=0))


def test_an_outline_is_mirrored_as_wide_as_its_highest_bar_but_for_that_around_0():
    bars = np.zeros((2, len(EDGES) - 1))
    middle = bars.shape[1] // 2
    assert EDGES[middle] < 0 < EDGES[middle + 1]
    bars[0, [middle, middle + 3, middle + 4]] = 0.7, 0.2, 0.1
    bars[1, 5] = 0.005
    first, second = outlines(np.array([0.25, 0.75]), 0.1, bars)
    for bar, width in ((middle, 0.1), (middle + 3, 0.1), (middle + 4, 0.05), (0, 0)):
        corners = first[2 * bar : 2 * bar + 2]
        assert np.allclose(corners[:, 0], 0.25 + width) and np.allclose(corners[:, 1], EDGES[bar : bar + 2])
    assert np.allclose(first[:, 0] + first[::-1, 0], 0.5) and np.allclose(first[:, 1], first[::-1, 1])
    assert second[:, 0].max() == pytest.approx(0.75 + 0.1 * 0.005 / 0.025)


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_a_dragged_dot_sets_the_scale_that_brings_it_there(name):
    explorer = foundations.depth(signals, ACTIVATIONS, INITIALISATIONS)
    explorer.set(activation="linear", layers=8)
    state = explorer.state()
    layer = 5 if name == "forward" else 2
    wanted = 0.6
    scale = explorer.touch[name](state, (layer + 0.5) / 8, wanted)["scale"]
    assert np.sqrt(explorer.state(scale=scale)[name][layer]) == pytest.approx(wanted, rel=1e-9)
    assert explorer.touch["backward"](state, 0.99, 1.0) == {}, "the last layer's gradient is always 1"
    lowest = explorer.touch[name](state, 0.5, 0.0)["scale"]
    assert 0 < lowest == explorer.touch[name](state, 0.5, -wanted)["scale"], "not mirrored below 0"


def test_the_scale_is_played_from_vanishing_to_exploding():
    explorer = foundations.depth(signals, ACTIVATIONS, INITIALISATIONS)
    assert explorer.advance() and explorer.controls["scale"].value == SCALES[SCALES.index(1.0) + 1]
    explorer.set(scale=SCALES[-1])
    assert explorer.state()["forward_verdict"] == "explodes" and not explorer.advance()
    assert explorer.advance(start=True) and explorer.controls["scale"].value == SCALES[0]
