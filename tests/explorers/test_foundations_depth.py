"""Chapter 0's explorer of depth: right numbers, on stand-ins for the chapter's functions."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course.explorers import foundations
from course.explorers.foundations.depth import (
    GAINS,
    SCALES,
    WIDTHS,
    compute_depth,
    factor_of,
    measure,
    verdict,
)
from course.explorers.foundations.depth_picture import (
    FLOOR,
    MEANINGS,
    MOST,
    MOST_LAYERS,
    caption,
    said,
    title,
)

FUNCTIONS = {
    "linear": lambda z: z,
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
}
INITIALISATIONS = {
    "fixed 0.01": lambda fan_in, fan_out: 0.01,
    "Xavier": lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
    "He": lambda fan_in, fan_out: math.sqrt(2 / fan_in),
}


def signals(widths, activation, std_of):
    """A small batch, the gradients by autograd; the loss is the last layer's product with a random array."""
    rng = torch.Generator().manual_seed(0)
    signal, zs = torch.randn(16, widths[0], generator=rng, dtype=torch.float64, requires_grad=True), []
    for sizes in zip(widths, widths[1:], strict=False):
        weight = torch.randn(sizes, generator=rng).double()
        zs.append(signal @ (std_of(*sizes) * weight))
        signal = FUNCTIONS[activation](zs[-1])
    loss = (zs[-1] * torch.randn(zs[-1].shape, generator=rng)).sum()
    gradients = torch.autograd.grad(loss, zs)
    return tuple(torch.stack([a.square().mean() for a in part]).detach() for part in (zs, gradients))


EXPLORERS = {"depth": lambda: foundations.depth(signals, list(FUNCTIONS), INITIALISATIONS)}
SETTING = dict(activation="relu", initialisation="He", scale=1.0, layers=20, width=64)


def depth_of(given=signals, **choice):
    def measured(*setting):
        return measure(given, INITIALISATIONS, *setting)

    return compute_depth(INITIALISATIONS, measured, **SETTING | choice)


def constant(forward, backward):
    """Signals that are these, whatever is asked."""
    return lambda widths, activation, std_of: (np.array(forward, float), np.array(backward, float))


def test_the_chapters_function_gets_sizes_name_and_the_scaled_standard_deviation():
    calls = []

    def asked(widths, activation, std_of):
        calls.append((widths, activation, std_of(8, 24)))
        return signals(widths, activation, std_of)

    state = depth_of(asked, layers=3, width=32, activation="tanh", initialisation="Xavier", scale=2.0)
    assert calls == [((32, 32, 32, 32), "tanh", pytest.approx(0.5))]
    assert state["std"] == pytest.approx(2 * math.sqrt(1 / 32))


def test_forward_runs_from_the_first_layer_and_backward_from_the_last():
    state = depth_of(constant([1, 2, 8], [3, 6, 12]), layers=3)
    assert list(state["forward"]) == [1, 2, 8] and list(state["backward"]) == [1, 0.5, 0.25]
    assert state["forward_factor"] == pytest.approx(8**0.5) and state["backward_factor"] == pytest.approx(0.5)
    real, (forward, backward) = depth_of(), signals((64,) * 21, "relu", INITIALISATIONS["He"])
    assert np.array_equal(real["forward"], forward)
    assert np.allclose(real["backward"] * float(backward[-1]), backward.flip(0))


def test_the_prediction_is_width_variance_and_gain_from_the_first_value_on():
    for name, gain in GAINS.items():
        state = depth_of(activation=name, initialisation="Xavier", scale=1.4, width=32, layers=5)
        assert state["predicted"] == pytest.approx(32 * 1.4**2 / 32 * gain)
        for side in ("forward", "backward"):
            line = state[f"{side}_line"]
            assert line[0] == state[side][0] and np.allclose(line[1:], line[:-1] * state["predicted"])
    for name in ("tanh", "sigmoid", "gelu"):
        state = depth_of(activation=name)
        assert state["predicted"] is state["forward_line"] is state["backward_line"] is None


@pytest.mark.parametrize("activation", GAINS)
@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_a_wide_net_does_what_is_predicted(activation, initialisation):
    state = depth_of(activation=activation, initialisation=initialisation, width=256, scale=1.25)
    for side in ("forward", "backward"):
        assert state[f"{side}_factor"] == pytest.approx(state["predicted"], rel=0.05)


def test_what_a_factor_comes_to():
    assert [verdict(factor, 19) for factor in (0.8, 0.9, 1.0, 1.12, 1.2)] == [
        "vanishes", "keeps", "keeps", "keeps", "explodes",
    ]  # fmt: skip
    assert verdict(0.2, 1) == verdict(9.9, 1) == "keeps" and verdict(0.09, 1) == "vanishes"
    assert (verdict(0.0, 3), verdict(math.inf, 3), verdict(math.nan, 3)) == ("vanishes", "explodes", "none")
    assert {verdict(f, 5) for f in (0.0, 1.0, 9.0, math.nan)} == set(MEANINGS)
    assert factor_of(np.array([2.0, 7.0, 0.5])) == pytest.approx(0.5)
    assert factor_of(np.array([1.0, 0.0])) == 0 and factor_of(np.array([1.0, math.inf])) == math.inf
    assert math.isnan(factor_of(np.array([math.inf, math.inf])))


def test_verdicts_of_real_settings():
    he, small = depth_of(width=256), depth_of(initialisation="fixed 0.01")
    assert he["forward_verdict"] == he["backward_verdict"] == "keeps"
    assert small["forward_verdict"] == small["backward_verdict"] == "vanishes"
    assert depth_of(scale=2.0)["backward_verdict"] == "explodes"
    sigmoid = depth_of(activation="sigmoid", initialisation="Xavier")
    assert sigmoid["forward_verdict"] == "keeps" and sigmoid["backward_verdict"] == "vanishes"


def test_what_is_said_of_a_depth():
    first, second = caption(depth_of()).split("\n")
    assert first == "20 layers of 64 units, relu, He: weights with σ = 0.177 (scale 1)"
    assert second == "predicted factor of a layer: n σ² g = 64 · 0.177² · ½ = 1"
    assert "256 · 0.125² · 1 = 4" in caption(
        depth_of(activation="linear", width=256, initialisation="Xavier", scale=2.0)
    )
    assert "no constant factor is predicted for gelu" in caption(depth_of(activation="gelu"))
    state = depth_of(constant([1, 2, 8], [12, 6, 3]), layers=3)
    assert title(state, "forward") == "forward: × 2.83 a layer, keeps within a factor 10"
    state = depth_of(constant([1, 1e-7, 1e-14], [1e8, 1e3, 1]), layers=3)
    assert title(state, "forward") == "forward: × 1e−07 a layer, vanishes"
    assert title(state, "backward") == "backward: × 1e+04 a layer, explodes"
    assert said(0.000412345) == "0.000412" and said(7.9612) == "7.96"


@pytest.mark.parametrize(
    ("forward", "backward", "expected"),
    [
        ([1, 0, 0], [0, 0, 1], ("vanishes", "vanishes")),
        ([1, 1e200, math.inf], [math.inf, 1e200, 1], ("explodes", "explodes")),
        ([0, 0, 0], [0, 0, 0], ("none", "none")),
        ([math.inf, math.inf, math.nan], [math.nan, 1, math.inf], ("none", "none")),
    ],
)
def test_no_number_is_too_small_or_too_large_to_draw(forward, backward, expected, recwarn):
    explorer = foundations.depth(constant(forward, backward), ["relu"], INITIALISATIONS)
    explorer.set(layers=3)
    assert explorer.png()[:4] == b"\x89PNG" and not recwarn
    state, artists = explorer.state(), explorer.picture.artists
    assert (state["forward_verdict"], state["backward_verdict"]) == expected
    for name in ("forward", "backward", "forward_line", "backward_line"):
        drawn = artists[name].get_ydata()
        drawn = drawn[~np.isnan(drawn)]
        assert (drawn >= FLOOR / 1000).all() and (drawn <= MOST * 1000).all()
    if expected == ("none", "none"):
        assert title(state, "forward") == "forward: nothing to measure"


def test_the_artists_hold_the_states_numbers():
    explorer = EXPLORERS["depth"]()
    explorer.set(layers=7, scale=1.25, width=16)
    state, artists = explorer.state(), explorer.picture.artists
    for name, first in (("forward", 1), ("backward", 0)):
        for drawn in (name, f"{name}_line"):
            assert np.array_equal(artists[drawn].get_xdata(), np.arange(first, first + 7))
            assert np.array_equal(artists[drawn].get_ydata(), state[drawn])
    explorer.set(activation="tanh")
    assert len(artists["forward_line"].get_ydata()) == len(artists["backward_line"].get_ydata()) == 0
    assert len(artists["forward"].get_ydata()) == 7


def test_a_setting_is_measured_once():
    calls = []

    def counted(widths, activation, std_of):
        calls.append(widths)
        return signals(widths, activation, std_of)

    explorer = foundations.depth(counted, list(FUNCTIONS), INITIALISATIONS)
    for scale in (1.0, 1.25, 1.0, 1.25):
        explorer.set(scale=scale)
        explorer.png()
    assert len(calls) == 2


def test_what_stands_at_the_beginning_and_what_must_be_given():
    state = EXPLORERS["depth"]().state()
    assert (state["activation"], state["initialisation"]) == ("relu", "Xavier")
    other = foundations.depth(signals, ("gelu", "tanh"), {"He": INITIALISATIONS["He"]}).state()
    assert (other["activation"], other["initialisation"]) == ("gelu", "He")
    other = foundations.depth(signals, list(FUNCTIONS), INITIALISATIONS, "tanh", "fixed 0.01").state()
    assert (other["activation"], other["initialisation"]) == ("tanh", "fixed 0.01")
    for activations, initialisations in (((), INITIALISATIONS), (["relu"], {})):
        with pytest.raises(ValueError, match="at least one activation and one initialisation"):
            foundations.depth(signals, activations, initialisations)


def test_scales_and_widths_are_spaced_on_a_log_scale():
    for values, ends, most in ((SCALES, (0.5, 2.0), 0.2), (WIDTHS, (16, 128), 0.7)):
        steps = np.diff(np.log(values))
        assert (values[0], values[-1]) == ends and (steps > 0.04).all() and (steps < most).all()
    assert 1.0 in SCALES and MOST_LAYERS == 30
