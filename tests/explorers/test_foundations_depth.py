"""Chapter 0's explorer of depth: right numbers."""

import math

import numpy as np
import pytest

from course import chapters
from course.explorers import foundations
from course.explorers.foundations.depth import (
    GAINS,
    MEANINGS,
    caption,
    factor_of,
    title,
    verdict,
)

CHAPTER = chapters.load_definitions("00_foundations")
signals, INITIALISATIONS = CHAPTER.layer_signals, CHAPTER.INITIALISATIONS
FUNCTIONS = tuple(CHAPTER.ACTIVATIONS)


def constant(forward, backward):
    """An explorer of signals that are these, whatever is asked."""
    found = np.array(forward, float), np.array(backward, float)
    return foundations.depth(lambda *_: found, ["relu"], INITIALISATIONS)


EXPLORER = foundations.depth(signals, FUNCTIONS, INITIALISATIONS)


def test_the_chapters_function_is_asked_once_for_a_setting_with_the_scaled_standard_deviation():
    calls = []

    def asked(widths, activation, std_of):
        calls.append((widths, activation, std_of(8, 24)))
        return signals(widths, activation, std_of)

    explorer = foundations.depth(asked, FUNCTIONS, INITIALISATIONS)
    for _ in range(2):
        state = explorer.state(layers=3, width=32, activation="tanh", scale=2.0)
    assert calls == [((32, 32, 32, 32), "tanh", pytest.approx(0.5))]
    assert state["std"] == pytest.approx(2 * math.sqrt(1 / 32))


def test_forward_runs_from_the_first_layer_and_backward_from_the_last():
    state = constant([1, 2, 8], [3, 6, 12]).state(layers=3)
    assert list(state["forward"]) == [1, 2, 8] and list(state["backward"]) == [1, 0.5, 0.25]
    assert state["forward_factor"] == pytest.approx(8**0.5) and state["backward_factor"] == pytest.approx(0.5)
    real, (forward, backward) = (
        EXPLORER.state(initialisation="He"),
        signals((64,) * 21, "relu", INITIALISATIONS["He"]),
    )
    assert np.array_equal(real["forward"], forward)
    assert np.allclose(real["backward"] * float(backward[-1]), backward.flip(0))


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_the_prediction_is_width_variance_and_gain_and_a_wide_net_does_it(activation):
    state = EXPLORER.state(activation=activation, initialisation="Xavier", scale=1.25, width=256)
    if activation not in GAINS:
        assert state["predicted"] is state["forward_line"] is state["backward_line"] is None
        return
    assert state["predicted"] == pytest.approx(1.25**2 * GAINS[activation])
    for side in ("forward", "backward"):
        line = state[f"{side}_line"]
        assert line[0] == state[side][0] and np.allclose(line[1:], line[:-1] * state["predicted"])
        assert state[f"{side}_factor"] == pytest.approx(state["predicted"], rel=0.05)


def test_what_a_factor_comes_to():
    found = [verdict(factor, 19) for factor in (0.8, 0.9, 1.12, 1.2)]
    assert found == ["vanishes", "keeps", "keeps", "explodes"]
    assert (verdict(9.9, 1), verdict(0.09, 1), verdict(0.0, 3)) == ("keeps", "vanishes", "vanishes")
    assert (verdict(math.inf, 3), verdict(math.nan, 3)) == ("explodes", "none")
    assert {verdict(f, 5) for f in (0.0, 1.0, 9.0, math.nan)} == set(MEANINGS)
    assert factor_of(np.array([2.0, 7.0, 0.5])) == pytest.approx(0.5)
    sigmoid = EXPLORER.state(activation="sigmoid", initialisation="Xavier")
    assert (sigmoid["forward_verdict"], sigmoid["backward_verdict"]) == ("keeps", "vanishes")


def test_what_is_said_of_a_depth():
    assert caption(EXPLORER.state(initialisation="He")) == (
        "20 layers of 64 units, relu, He: weights with σ = 0.177 (scale 1)\n"
        "predicted factor of a layer: n σ² g = 64 · 0.177² · ½ = 1"
    )
    assert "no constant factor is predicted for tanh" in caption(EXPLORER.state(activation="tanh"))
    state = constant([1, 1e-7, 1e-14], [1e8, 1e3, 1]).state(layers=3)
    assert title(state, "forward") == "forward: × 1e−07 a layer, vanishes"
    assert title(state, "backward") == "backward: × 1e+04 a layer, explodes"


@pytest.mark.parametrize(
    ("forward", "backward", "expected"),
    [
        ([1, 0, 0], [0, 0, 1], "vanishes"),
        ([1, 1e200, math.inf], [math.inf, 1e200, 1], "explodes"),
        ([0, 0, 0], [0, 0, 0], "none"),
        ([math.inf, math.inf, math.nan], [math.nan, 1, math.inf], "none"),
    ],
)
def test_no_number_is_too_small_or_too_large(forward, backward, expected, recwarn):
    explorer = constant(forward, backward)
    explorer.set(layers=3)
    state = explorer.state()
    assert state["forward_verdict"] == state["backward_verdict"] == expected and not recwarn
