"""Chapter 2's explorers: right numbers, on stand-ins for the chapter's functions."""

import math

import numpy as np
import pytest
import torch

from course.explorers import rnn
from course.explorers.rnn.gate_inspector import MOST, compute_gate_inspector
from course.explorers.rnn.gate_picture import UNIT, number, top
from course.explorers.rnn.gradient_flow import ARCHITECTURES, compute_gradient_flow, verdict
from course.explorers.rnn.sampling import PROMPT, compute_sampling
from course.plots.texts import Texts

VOCABULARY = "\n ,.<>abcdefghijklmnopqrstuvwxyzAI"
UNITS, LENGTH = 6, 100
CHOICE = dict(text="as it is", show=UNIT, unit=0, position=3)


def tiny_lstm():
    torch.manual_seed(0)
    return torch.nn.LSTM(len(VOCABULARY), UNITS, batch_first=True), torch.nn.Linear(UNITS, len(VOCABULARY))


def encode(text):
    for character in text:
        if character not in VOCABULARY:
            raise ValueError(f"The character {character!r} is unknown.")
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


def flow(architecture, radius, forget_bias, length):
    """Geometric curves, one rate for each architecture."""
    kept = 1 / (1 + math.exp(-forget_bias))
    rates = (radius, 0.9 * radius, kept * radius**0.1, 0.5 + 0.5 * radius)
    rate = rates[ARCHITECTURES.index(architecture)]
    return 0.3 * rate ** np.arange(length, -1, -1.0)


EXPLORERS = {
    "gate inspector": lambda: rnn.gate_inspector(trace, VOCABULARY, "as it is, it was"),
    "gradient flow": lambda: rnn.gradient_flow(flow),
    "sampling": lambda: rnn.sampling(sample, VOCABULARY, "as it", LENGTH),
}


def test_the_shown_numbers_are_the_chosen_units_at_the_chosen_position():
    lstm, _ = tiny_lstm()
    text = "as it is"
    with torch.no_grad():
        outputs, (h, c) = lstm(encode(text)[None])
    for unit in range(UNITS):
        for position in (0, 3, 7):
            state = compute_gate_inspector(trace, VOCABULARY, **CHOICE | dict(unit=unit, position=position))
            now, curves = state["now"], state["curves"]
            assert np.allclose(curves["h"], outputs[0, :, unit], atol=1e-6)
            assert curves["c"][-1] == pytest.approx(c[0, 0, unit].item(), abs=1e-6)
            assert now["c"] == pytest.approx(now["f"] * now["before"] + now["i"] * now["g"], abs=1e-6)
            assert now["h"] == pytest.approx(now["o"] * math.tanh(now["c"]), abs=1e-6)
            assert all(curves[name][position] == now[name] for name in "ifoch")
            assert now["before"] == (curves["c"][position - 1] if position else 0)


def test_the_bars_are_the_ten_likeliest_characters_after_the_position():
    for position, follows in ((0, "s"), (3, "t"), (7, None), (59, None)):
        state = compute_gate_inspector(trace, VOCABULARY, **CHOICE | dict(position=position))
        probs = trace("as it is")["logits"][min(position, 7)].softmax(0)
        best = probs.topk(10)
        assert state["next"] == [VOCABULARY[k] for k in best.indices]
        assert np.allclose(state["probs"], best.values, atol=1e-6)
        assert state["follows"] == follows
        if follows:
            assert state["its_prob"] == pytest.approx(probs[VOCABULARY.index(follows)].item(), abs=1e-6)


@pytest.mark.parametrize("name", list("ifoch"))
def test_a_map_has_a_row_a_unit_and_a_column_a_character(name):
    state = compute_gate_inspector(trace, VOCABULARY, **CHOICE | dict(show=name))
    assert np.allclose(state["map"], trace("as it is")[name].T)
    assert compute_gate_inspector(trace, VOCABULARY, **CHOICE)["map"] is None


def test_only_the_first_characters_of_a_long_text_are_read():
    lengths = []

    def counted(text):
        lengths.append(len(text))
        return trace(text)

    state = compute_gate_inspector(counted, VOCABULARY, **CHOICE | dict(text="a" * 300, position=59))
    assert lengths == [MOST] == [len(state["text"])] and state["cut"] == 300 - MOST
    assert state["follows"] == "a"
    short = compute_gate_inspector(trace, VOCABULARY, **CHOICE | dict(text="as⏎it\n"))
    assert (short["text"], short["cut"]) == ("as\nit\n", 0)


@pytest.mark.parametrize(
    ("name", "field", "text", "message"),
    [
        ("gate inspector", "text", "", "at least one character"),
        ("gate inspector", "text", "aß", "ß"),
        ("sampling", "prompt", "aß", "ß"),
    ],
)
def test_a_text_that_cannot_be_read_is_said_under_the_picture(name, field, text, message):
    explorer = EXPLORERS[name]()
    explorer.box()
    before = explorer.image.value
    explorer.set(**{field: text})
    assert message in explorer.message.value and explorer.image.value == before
    with pytest.raises(ValueError, match=message):
        explorer.png()
    explorer.set(**{field: "it is"})
    assert explorer.message.value == "" and explorer.image.value != before


def test_an_empty_prompt_draws():
    explorer = EXPLORERS["sampling"]()
    explorer.box()
    explorer.set(prompt="")
    assert explorer.message.value == "" and explorer.state()["prompt"] == ""


def test_the_position_slider_ends_where_the_text_ends():
    explorer = EXPLORERS["gate inspector"]()
    explorer.set(text="as it", position=4)
    position = explorer.controls["position"]
    explorer.set(text="as")
    assert (position.max, position.value) == (1, 1)
    explorer.set(text="a" * 300, position=59)
    assert (position.max, position.value) == (59, 59)


def test_scales_and_numbers_are_written_well():
    assert [top(v) for v in (0, 1, 1.01, 2, 4.9, 7, 10, 11, 99, 101)] == [1, 1, 2, 2, 5, 10, 10, 20, 100, 200]
    assert [number(v) for v in (0.5, -0.5, -0.001, 12)] == ["0.50", "(−0.50)", "0.00", "12.00"]


def test_texts_take_sequences_and_strings():
    texts = Texts()
    texts.set_data([1, 2, 3], 0, "abc")
    assert texts._places.tolist() == [[1, 0], [2, 0], [3, 0]]
    texts.set_data([], [], "")
    assert texts._places.shape == (0, 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_mean_factor_is_the_curves_own_rate_and_the_reference_meets_its_end(architecture):
    for radius, bias, length in ((0.5, -1.0, 150), (1.0, 4.0, 5), (2.0, 1.0, 40)):
        choice = dict(architecture=architecture, radius=radius, forget_bias=bias, length=length)
        state = compute_gradient_flow(flow, **choice)
        norms = state["norms"]
        assert norms.shape == state["reference"].shape == (length + 1,)
        assert state["factor"] == pytest.approx(norms[-2] / norms[-1])
        assert np.allclose(state["reference"], norms[-1] * radius ** np.arange(length, -1, -1.0))


def gradient(norms):
    choice = dict(architecture="GRU", radius=1.0, forget_bias=0.0, length=len(norms) - 1)
    return compute_gradient_flow(lambda *controls: norms, **choice)


def test_zeros_and_overflow_leave_the_factor_of_the_steps_that_can_be_measured():
    assert gradient([0, 0, 1e-40, 1e-20, 1])["factor"] == pytest.approx(1e-20)
    assert gradient([np.nan, np.inf, 1e40, 1e20, 1])["factor"] == pytest.approx(1e20)
    assert gradient(torch.tensor([2.0, 1.0]))["factor"] == 2
    for norms in ([0, 0, 0], [1, 1, 0], [1, np.inf, 1], [np.nan, np.nan]):
        assert np.isnan(gradient(norms)["factor"])


@pytest.mark.parametrize("norms", [[0.0] * 6, [np.inf] * 6, [np.nan] * 6, [1e-40, 1e40, 0, 1, 1e-300, 1e300]])
def test_a_gradient_of_any_size_is_drawn(norms):
    explorer = rnn.gradient_flow(lambda *controls: np.array(norms))
    explorer.set(length=5)
    assert explorer.png()[:4] == b"\x89PNG" and explorer.message.value == ""


def test_the_verdict_says_what_the_factor_means():
    assert "vanishes, halving every 1.0 steps" in verdict(0.5)
    assert "explodes, doubling every 7.3 steps" in verdict(1.1)
    assert "keeps its size" in verdict(1.0) and "keeps its size" in verdict(0.98)
    assert "0 or no number" in verdict(math.nan)


def test_the_surprisal_is_that_of_each_sampled_character():
    choice = dict(prompt="as it", temperature=0.7, top_k=9, seed=2)
    state = compute_sampling(sample, LENGTH, **choice)
    text, probs = sample("as it", LENGTH, 0.7, 9, 2)
    assert state["text"] == text and len(state["bits"]) == LENGTH
    assert np.allclose(2 ** -state["bits"], probs) and (state["bits"] >= 0).all()
    sure = compute_sampling(sample, LENGTH, **choice | dict(top_k=1))
    assert (sure["bits"] == 0).all() and not np.signbit(sure["bits"]).any()


def test_the_last_characters_of_a_long_prompt_are_read_and_an_empty_one_is_passed_on():
    prompts = []

    def counted(prompt, length, *choice):
        prompts.append(prompt)
        return "a" * length, np.zeros(length)

    choice = dict(temperature=1.0, top_k=1, seed=0)
    for prompt, cut in (("", 0), ("as⏎it", 0), ("b" * 8 + "a" * PROMPT, 8)):
        state = compute_sampling(counted, 4, prompt=prompt, **choice)
        assert state["cut"] == cut and state["prompt"] == prompts[-1]
        assert np.isfinite(state["bits"]).all()
    assert prompts == ["", "as\nit", "a" * PROMPT]


def test_the_cells_shade_prompt_and_text_and_nothing_else():
    explorer = EXPLORERS["sampling"]()
    explorer.set(prompt="as it", seed=4)
    cells = np.ma.filled(explorer.picture.artists["cells"].get_array().astype(float), np.nan).ravel()
    assert (cells[:5] == -1).all() and np.isnan(cells[5 + LENGTH :]).all()
    assert np.allclose(cells[5 : 5 + LENGTH], explorer.state()["bits"])
