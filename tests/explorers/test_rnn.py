"""Chapter 2's explorers: right numbers, on stand-ins for the chapter's functions."""

import math

import numpy as np
import pytest
import torch

from course.explorers import rnn
from course.explorers.rnn.gate_inspector import MOST, NAMES, UNIT, number
from course.explorers.rnn.gradient_flow import ARCHITECTURES, verdict
from course.explorers.rnn.sampling import PROMPT

VOCABULARY = "\n ,.<>abcdefghijklmnopqrstuvwxyzAI"
UNITS, LENGTH = 6, 100


def tiny_lstm():
    torch.manual_seed(0)
    return torch.nn.LSTM(len(VOCABULARY), UNITS, batch_first=True), torch.nn.Linear(UNITS, len(VOCABULARY))


def encode(text):
    return torch.eye(len(VOCABULARY))[[VOCABULARY.index(character) for character in text]]


@torch.no_grad()
def trace(text):
    """As the chapter's: every gate and state of each step, from the cell's own equations."""
    lstm, output = tiny_lstm()
    h = c = torch.zeros(UNITS)
    steps = []
    for x in encode(text):
        sums = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
        i, f, g, o = sums.chunk(4)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append((i, f, g, o, c, h, output(h)))
    stacked = map(torch.stack, zip(*steps, strict=True))
    return dict(zip(("i", "f", "g", "o", "c", "h", "logits"), stacked, strict=True))


@torch.no_grad()
def sample(prompt, length, temperature, top_k, seed):
    """As the chapter's, but of one distribution, that after the prompt."""
    rng = torch.Generator().manual_seed(seed)
    logits = 20 * trace(prompt or "\n")["logits"][-1] / temperature
    logits[logits < logits.topk(top_k).values[-1]] = -math.inf
    probs = logits.softmax(0)
    drawn = torch.multinomial(probs, length, replacement=True, generator=rng)
    return "".join(VOCABULARY[k] for k in drawn), probs[drawn]


GATES = rnn.gate_inspector(trace, VOCABULARY, "as it is")


def test_the_shown_numbers_are_the_chosen_units_at_the_chosen_position():
    lstm, _ = tiny_lstm()
    with torch.no_grad():
        outputs, (h, c) = lstm(encode("as it is")[None])
    for unit in range(UNITS):
        for position in (0, 3, 7):
            state = GATES.state(unit=unit, position=position)
            now, curves = state["now"], state["curves"]
            assert np.allclose(curves["h"], outputs[0, :, unit], atol=1e-6)
            assert curves["c"][-1] == pytest.approx(c[0, 0, unit].item(), abs=1e-6)
            assert now["c"] == pytest.approx(now["f"] * now["before"] + now["i"] * now["g"], abs=1e-6)
            assert now["h"] == pytest.approx(now["o"] * math.tanh(now["c"]), abs=1e-6)
            assert all(curves[name][position] == now[name] for name in "ifoch")
            assert now["before"] == (curves["c"][position - 1] if position else 0)
    for name in NAMES:
        assert np.allclose(GATES.state(show=name)["map"], trace("as it is")[name].T)
    assert GATES.state(show=UNIT)["map"] is None


def test_the_bars_are_the_ten_likeliest_characters_after_the_position():
    for position, follows in ((0, "s"), (3, "t"), (7, None), (59, None)):
        state = GATES.state(position=position)
        probs = trace("as it is")["logits"][min(position, 7)].softmax(0)
        best = probs.topk(10)
        assert state["next"] == [VOCABULARY[k] for k in best.indices]
        assert np.allclose(state["probs"], best.values, atol=1e-6) and state["follows"] == follows
        if follows:
            assert state["its_prob"] == pytest.approx(probs[VOCABULARY.index(follows)].item(), abs=1e-6)


def test_only_the_first_characters_of_a_long_text_are_read_and_the_position_ends_where_the_text_ends():
    state = GATES.state(text="a" * 300, position=59)
    assert (len(state["text"]), state["cut"], state["follows"]) == (MOST, 300 - MOST, "a")
    short = GATES.state(text="as⏎it\n")
    assert (short["text"], short["cut"]) == ("as\nit\n", 0)
    explorer = rnn.gate_inspector(trace, VOCABULARY, "as it")
    explorer.set(position=4)
    position = explorer.controls["position"]
    explorer.set(text="as")
    assert (position.max, position.value) == (1, 1)
    explorer.set(text="a" * 300, position=59)
    assert (position.max, position.value) == (59, 59)
    with pytest.raises(ValueError, match="at least one character"):
        explorer.state(text="")
    assert [number(v) for v in (0.5, -0.5, -0.001, 12)] == ["0.50", "(−0.50)", "0.00", "12.00"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_mean_factor_is_the_curves_own_rate_and_the_reference_meets_its_end(architecture):
    asked = []

    def flow(*controls):
        asked.append(controls)
        return 0.3 * 0.9 ** np.arange(controls[-1], -1, -1.0)

    for radius, bias, length in ((0.5, -1.0, 150), (1.0, 4.0, 5), (2.0, 1.0, 40)):
        choice = dict(architecture=architecture, radius=radius, forget_bias=bias, length=length)
        state = rnn.gradient_flow(flow).state(**choice)
        assert asked.pop() == (architecture, radius, bias, length) and state["factor"] == pytest.approx(0.9)
        assert state["norms"].shape == state["reference"].shape == (length + 1,)
        assert np.allclose(state["reference"], 0.3 * radius ** np.arange(length, -1, -1.0))


def gradient(norms):
    return rnn.gradient_flow(lambda *controls: norms).state(length=len(norms) - 1)


def test_zeros_and_overflow_leave_the_factor_of_the_steps_that_can_be_measured():
    assert gradient([0, 0, 1e-40, 1e-20, 1])["factor"] == pytest.approx(1e-20)
    assert gradient([np.nan, np.inf, 1e40, 1e20, 1])["factor"] == pytest.approx(1e20)
    assert gradient(torch.tensor([2.0, 1.0]))["factor"] == 2
    for norms in ([0, 0, 0], [1, 1, 0], [1, np.inf, 1], [np.nan, np.nan]):
        assert np.isnan(gradient(norms)["factor"])


def test_the_verdict_says_what_the_factor_means():
    assert "vanishes, halving every 1.0 steps" in verdict(0.5)
    assert "explodes, doubling every 7.3 steps" in verdict(1.1)
    assert "keeps its size" in verdict(1.0) and "keeps its size" in verdict(0.98)
    assert "0 or no number" in verdict(math.nan)


SAMPLING = rnn.sampling(sample, VOCABULARY, "as it", LENGTH)


def test_the_surprisal_is_that_of_each_sampled_character():
    state = SAMPLING.state(temperature=0.7, top_k=9, seed=2)
    text, probs = sample("as it", LENGTH, 0.7, 9, 2)
    assert state["text"] == text and len(state["bits"]) == LENGTH
    assert np.allclose(2 ** -state["bits"], probs) and (state["bits"] >= 0).all()
    sure = SAMPLING.state(top_k=1)
    assert (sure["bits"] == 0).all() and not np.signbit(sure["bits"]).any()


def test_the_last_characters_of_a_long_prompt_are_read_and_an_empty_one_is_passed_on():
    prompts = []

    def counted(prompt, length, *choice):
        prompts.append(prompt)
        return "a" * length, np.zeros(length)

    explorer = rnn.sampling(counted, VOCABULARY)
    for prompt, cut in (("", 0), ("as⏎it", 0), ("b" * 8 + "a" * PROMPT, 8)):
        state = explorer.state(prompt=prompt)
        assert state["cut"] == cut and state["prompt"] == prompts[-1]
        assert np.isfinite(state["bits"]).all()
    assert prompts == ["", "as\nit", "a" * PROMPT]
