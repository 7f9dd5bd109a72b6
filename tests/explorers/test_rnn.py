"""Chapter 2's explorers: right numbers, on stand-ins for the chapter's functions."""

import json
import math
import re

import numpy as np
import pytest
import torch

from course import data, models
from course.explorers import page, rnn
from course.explorers.parts import in_few
from course.explorers.rnn.gate_inspector import CMAP, MOST, finding, html, largest, number
from course.explorers.rnn.gradient_flow import ARCHITECTURES, GAP, names_at
from course.explorers.rnn.gradient_flow import finding as flow_finding
from course.explorers.rnn.sampling import BEST, PROMPT, SEEDS
from course.explorers.rnn.sampling import finding as sampling_finding
from tests.helpers.explorers import make

VOCABULARY = "\n ,.<>abcdefghijklmnopqrstuvwxyzAI"
UNITS, LENGTH = 6, 40


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
def follow(text, temperature, top_k):
    """As the chapter's: the probabilities of what may follow each character."""
    logits = 20 * trace(text)["logits"] / temperature
    logits[logits < logits.topk(top_k).values[:, -1:]] = -math.inf
    return logits.softmax(1)


def sample(prompt, length, temperature, top_k, seed):
    """As the chapter's: one character after the other."""
    rng, text, probs = torch.Generator().manual_seed(seed), prompt or "\n", []
    for _ in range(length):
        chances = follow(text[-30:], temperature, top_k)[-1]
        drawn = torch.multinomial(chances, 1, generator=rng).item()
        text, probs = text + VOCABULARY[drawn], [*probs, chances[drawn]]
    return text[-length:], torch.stack(probs)


UNITS_NAMED = {2: ("vowels", 0.61, 0.2), 0: ("<marks>", -0.4, 0.1), 5: ("lines", 0.5, 0.3)}
GATES = rnn.gate_inspector(trace, VOCABULARY, UNITS_NAMED, "as it is")


def test_the_shown_numbers_are_the_chosen_units_at_the_chosen_position():
    lstm, _ = tiny_lstm()
    with torch.no_grad():
        outputs, (h, c) = lstm(encode("as it is")[None])
    for unit in range(UNITS):
        for position in (0, 3, 7):
            state = GATES.state(unit=unit, position=position)
            now, cell = state["now"], state["cell"]
            assert cell[-1] == pytest.approx(c[0, 0, unit].item(), abs=1e-6)
            assert now["c"] == cell[position] and now["before"] == (cell[position - 1] if position else 0)
            assert now["c"] == pytest.approx(now["f"] * now["before"] + now["i"] * now["g"], abs=1e-6)
            assert now["h"] == pytest.approx(now["o"] * math.tanh(now["c"]), abs=1e-6)
            assert now["h"] == pytest.approx(outputs[0, position, unit].item(), abs=1e-6)


def test_the_bars_are_the_likeliest_characters_after_the_position():
    for position, follows in ((0, "s"), (3, "t"), (7, None), (59, None)):
        state = GATES.state(position=position)
        probs = trace("as it is")["logits"][min(position, 7)].softmax(0)
        best = probs.topk(len(state["next"]))
        assert state["next"] == [VOCABULARY[k] for k in best.indices]
        assert np.allclose(state["probs"], best.values, atol=1e-6) and state["follows"] == follows
        if follows:
            assert state["its_prob"] == pytest.approx(probs[VOCABULARY.index(follows)].item(), abs=1e-6)


def test_only_the_first_characters_of_a_long_text_are_read_and_the_position_ends_where_the_text_ends():
    state = GATES.state(text="a" * 3000, position=59)
    assert (len(state["text"]), state["cut"], state["follows"]) == (MOST, 3000 - MOST, "a")
    short = GATES.state(text="as⏎it\n")
    assert (short["text"], short["cut"]) == ("as\nit\n", 0)
    explorer = rnn.gate_inspector(trace, VOCABULARY, UNITS_NAMED, "as\nit")
    assert explorer.state()["text"] == "as\nit"
    explorer.set(position=4)
    position = explorer.controls["position"]
    explorer.set(text="as")
    assert (position.max, position.value) == (1, 1)
    explorer.set(text="a" * 3000, position=59)
    assert (position.max, position.value) == (MOST - 1, 59)
    with pytest.raises(ValueError, match="at least one character"):
        explorer.state(text="")
    assert [number(v) for v in (0.5, -0.5, -0.001, 12)] == ["0.50", "−0.50", "0.00", "12.00"]


def test_the_page_of_gates_has_each_character_with_its_value_and_a_button_for_each_unit():
    state = GATES.state(unit=0, position=2)
    written = html(UNITS_NAMED, state)
    sets = [json.loads(found) for found in re.findall("data-set='([^']*)'", written)]
    assert sets == [{"unit": 2}, {"unit": 0}, {"unit": 5}] + [{"position": t} for t in range(8)]
    values = re.findall("data-value=([^ ]*) ", written)
    assert values == [number(value) for value in state["cell"]]
    assert written.count("class=here") == written.count("class=on") == 1
    assert "&lt;marks&gt; 0" in written and "<marks>" not in written
    assert "r = −0.40" in written and "at most 0.10" in written
    for setting in sets:
        GATES._set_nearest(setting)
        assert all(GATES.controls[name].value == value for name, value in setting.items())


def step(before, f, i, g):
    now = {"before": before, "f": f, "i": i, "g": g, "c": f * before + i * g}
    state = {"text": "a b", "position": 1, "unit": 3, "now": now, "cell": np.array([before, now["c"], 0])}
    return finding(state)


def test_the_title_says_what_the_gates_do_to_the_cell():
    assert step(-2, 0.99, 0.01, 1) == "At [␣] unit 3 keeps its cell: f = 0.99, c = −1.97"
    assert step(-2, 0, 0.01, 1) == "At [␣] unit 3 forgets (f = 0.00): c goes from −2.00 to 0.01"
    assert step(0, 0.9, 0.8, -1) == "At [␣] unit 3 writes (i · g = −0.80): c goes from 0.00 to −0.80"
    assert step(2, 0.6, 0.1, 1) == "At [␣] unit 3 lets its cell fade (f = 0.60): c goes from 2.00 to 1.30"
    assert step(0, 0, 0.3, -0.9) == "At [␣] unit 3 writes (i · g = −0.27): c goes from 0.00 to −0.27"
    assert step(0, 0, 0.01, 0.1) == "At [␣] unit 3 stays empty: c = 0.00"
    assert step(-1, 0.01, 1, -1) == (
        "At [␣] unit 3 forgets (f = 0.01) and writes −1.00: c goes from −1.00 to −1.01"
    )


def test_a_title_keeps_a_sign_apart_and_never_says_what_did_not_happen():
    state = GATES.state(text="a <a>", position=2)
    assert '<code class="sign">&lt;</code>' in html(UNITS_NAMED, state).split("</div>")[0]
    for before in (-2, -0.3, 0, 0.04, 1):
        for f in (0, 0.1, 0.5, 0.9, 1):
            for written in (-1, -0.2, 0, 0.03, 0.9):
                said, after = step(before, f, 1, written), f * before + written
                assert "forgets" not in said or abs(before) >= 0.05 and f < 0.2
                assert "keeps" not in said or f >= 0.8 and abs(after - before) < 0.05
                assert "empty" not in said or abs(after) < 0.05


def test_no_letter_of_a_text_takes_the_focus_so_that_a_mouse_can_select_it():
    for written in (html(UNITS_NAMED, GATES.state()), SAMPLING.text(SAMPLING.state())):
        signs = re.findall("<span[^>]*data-set[^>]*>", written)
        assert signs and all("data-letter" in sign and "tabindex" not in sign for sign in signs)


def test_letters_are_legible_on_every_shade():
    linear = [
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in CMAP(np.arange(CMAP.N))
    ]
    luminance = np.array(linear)[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert ((luminance + 0.05) / 0.05).min() >= 4.5


def test_the_darkest_shade_stands_for_the_largest_cell():
    tops = [largest({"cell": np.array(cell)}) for cell in ([0.0], [-2.31], [2.3, 1], [104.2, -3])]
    assert tops == pytest.approx([0.1, 2.4, 2.3, 110])


def since(text, ends, most):
    """How many characters ago the last of these characters stood, at most so many: (T,); or the start."""
    passed, steps = 0, []
    for character in text:
        passed = 0 if character in ends else min(passed + 1, most)
        steps.append(passed)
    return np.array(steps)


def features(text):
    """What the chapter's named units are said to follow, by these names."""
    inside, word, rows = 0, 0, []
    for i, character in enumerate(text):
        inside = 1 - inside if character == '"' else inside * (text[max(0, i - 1) : i + 1] != "\n\n")
        word = word + 1 if character.isalpha() else 0
        rows.append((inside, word, character.lower() in "aeiou"))
    names = ("inside a quotation", "place in word", "vowel")
    return dict(zip(names, np.array(rows, dtype=float).T, strict=True)) | {
        "place in line": since(text, "\n", 1000),
        "place in sentence": since(text, '.!?"', 200),
        "time since a mark": since(text, '"', 100),
    }


def test_the_chapters_units_follow_what_they_are_named_after_and_an_untrained_nets_do_so_as_little_as_said():
    novel = data.novel()
    text = novel.held_out[:15_000]
    torch.manual_seed(0)
    explorer = make("rnn.gate_inspector")
    trace_text = explorer.compute.args[0].__wrapped__.func  # the chapter's
    trained, untrained = (
        trace_text(model, novel, text)["c"].double().numpy()
        for model in (models.novel_lstm(), models.CharModel())
    )
    followed, units = features(text), explorer.text.args[0]
    assert next(iter(units)) == 17
    for unit, (name, said, control) in units.items():
        r = np.corrcoef(trained[:, unit], followed[name])[0, 1]
        assert r == pytest.approx(said, abs=0.006), name
        spread = untrained.std(0) * followed[name].std() * len(text)
        others = (followed[name] - followed[name].mean()) @ (untrained - untrained.mean(0)) / spread
        assert np.abs(others).max() <= control + 0.006, name
        assert abs(said) > control


def test_the_gates_begin_where_the_quotation_unit_forgets_at_a_mark():
    explorer = make("rnn.gate_inspector")
    state = explorer.state()
    now = state["now"]
    assert state["unit"] == 17 and state["text"][state["position"]] == '"'
    assert now["f"] < 0.01 and now["before"] < -2 and abs(now["c"]) < 0.05
    inside = state["text"].index("replied her ladyship") + np.arange(20)
    assert (state["cell"][inside] < -1).all()


def test_lines_break_between_words():
    text = "a" * 70 + " bbb ccccc\n\nd " + "e" * 80
    rows, columns = page.places(text)
    ends = [(text.index(part), row) for part, row in (("bbb", 0), ("ccccc", 1), ("d", 3), ("e", 4))]
    assert [(i, rows[i]) for i, _ in ends] == ends and (np.diff(rows) >= 0).all()
    assert all(columns[i] == 0 and rows[i - 1] < row for i, row in ends[1:])
    assert rows[text.index("\n")] == 1 and rows[text.index("\n") + 1] == 2
    assert [len(part) for part in page.places("")] == [0, 0]


FLOWS = {
    "linear": lambda n, *_: 1.0 ** np.arange(n, -1, -1.0),
    "tanh RNN": lambda n, *_: 5 * 0.9 ** np.arange(n, -1, -1.0),
    "LSTM": lambda n, bias: 1.1 ** np.arange(n, -1, -1.0) * (1 + 0 * bias),
    "GRU": lambda n, *_: 0.3 * 0.97 ** np.arange(n, -1, -1.0),
}


def flow(architecture, radius, forget_bias, length):
    return FLOWS[architecture](length, forget_bias)


def test_all_curves_begin_at_1_and_are_the_gradients_shares():
    explorer = rnn.gradient_flow(flow)
    for distance in (1, 40, 100):
        state = explorer.state(distance=distance)
        assert state["left"].shape == (4, 101) and (state["left"][:, 0] == 1).all()
        assert np.allclose(state["at"], np.array([1, 0.9, 1.1, 0.97]) ** distance)


def test_the_forget_bias_reaches_the_lstm_alone_and_each_setting_is_computed_once():
    asked = []
    explorer = rnn.gradient_flow(lambda *how: asked.append(how) or np.ones(how[-1] + 1))
    explorer.state(forget_bias=1.0)
    explorer.state(forget_bias=2.0)
    explorer.state(forget_bias=2.0, distance=7)
    assert sorted(name for name, *_ in asked) == sorted([*ARCHITECTURES, "LSTM"])
    assert {bias for name, _, bias, _ in asked if name == "LSTM"} == {1.0, 2.0}


def test_zeros_and_overflow_are_drawn_beyond_the_picture():
    norms = np.ones(101)
    norms[:50], norms[50] = np.nan, np.inf
    explorer = rnn.gradient_flow(lambda name, *_: norms if name == "GRU" else np.zeros(101))
    state = explorer.state()
    assert np.isfinite(state["left"]).all() and state["at"].tolist()[:3] == [0, 0, 0]
    assert state["left"][3, 50] > 1e300 and state["left"][3, 49] == 1
    explorer.png()
    assert [in_few(share) for share in (0, 1, 0.04, 9.3, 250, 7e-13, 1e30, 1e300)] == [
        *("0", "1", "0.04", "9.3", "250", "7·10⁻¹³", "1·10³⁰", "too large"),
    ]


def test_a_drag_moves_the_distance_alone_and_the_names_stand_in_their_order():
    explorer = rnn.gradient_flow(flow)
    for x in (33.4, 115.0):
        assert explorer.touch["flow"](explorer.state(), x, 1e-3) == {"distance": x}
    for shares in (
        [1, 1, 1, 1],
        [0, 0, 0, 0],
        [1e30] * 4,
        [1e-3, 1e9, 1e-30, 1e8],
        [1e-31, 1e-39, 1e-44, 1e-23],
    ):
        heights = names_at(np.array(shares, dtype=float))
        assert np.diff(np.sort(heights)).min() >= GAP - 1e-9 and (np.abs(heights + 3) < 9).all()
        assert (np.diff(np.array(shares)[np.argsort(heights)]) >= 0).all()


def test_the_title_says_whose_gradient_survives_before_training():
    def said(shares, forget_bias):
        return flow_finding({"distance": 100, "at": np.array(shares), "forget_bias": forget_bias})

    assert said([1, 1e-3, 0.4, 1e3], -0.5) == (
        "Before training, 100 steps back. "
        "Survived: linear, LSTM (forget bias −0.5); vanished: tanh RNN; exploded: GRU"
    )
    assert said([0.01, 1, 1, 100], 3.0) == (
        "Before training, 100 steps back. Survived: linear, tanh RNN, LSTM (forget bias 3), GRU"
    )


def test_the_flow_begins_where_the_lstm_survives_and_the_tanh_rnn_does_not_and_plays_the_way_back():
    explorer = make("rnn.gradient_flow")
    state = explorer.state()
    assert dict(zip(ARCHITECTURES, state["at"] >= 0.01, strict=True)) == {
        "linear": True, "tanh RNN": False, "LSTM": True, "GRU": False,
    }  # fmt: skip
    shares = [explorer.state(forget_bias=bias)["at"][2] for bias in (0.0, 4.0)]
    assert shares[0] == pytest.approx(8e-18, rel=0.02) and shares[1] == pytest.approx(1.2, rel=0.02)
    assert explorer.state(forget_bias=4.0, radius=2.0)["at"][2] == pytest.approx(25, rel=0.02)
    for distance in (50, 100):
        tanh = [explorer.state(radius=radius, distance=distance)["at"][1] for radius in (1.55, 1.6)]
        assert tanh[0] < 1 < tanh[1]
    explorer.box()
    assert explorer.advance(start=True) and explorer.controls["distance"].value == 1
    assert explorer.advance() and explorer.controls["distance"].value == 2
    explorer.set(distance=100)
    assert not explorer.advance()


SAMPLING = rnn.sampling(sample, follow, VOCABULARY, "as it", LENGTH)


def test_the_surprisal_is_that_of_each_sampled_character_and_so_are_the_most_probable_ones():
    state = SAMPLING.state(temperature=0.7, top_k=9, seed=2)
    text, probs = sample("as it", LENGTH, 0.7, 9, 2)
    assert state["text"] == text and len(state["bits"]) == len(state["next"]) == LENGTH
    assert np.allclose(2 ** -state["bits"], probs) and (state["bits"] >= 0).all()
    for i in (0, 1, 20):
        best = follow("as it" + text[:i], 0.7, 9)[-1].topk(BEST)
        assert [name for name, _ in state["next"][i]] == [VOCABULARY[k] for k in best.indices]
        assert np.allclose([chance for _, chance in state["next"][i]], best.values, atol=1e-4)
        named = dict(state["next"][i])
        assert text[i] not in named or named[text[i]] == pytest.approx(probs[i].item(), abs=1e-4)
    sure = SAMPLING.state(top_k=1)
    assert (sure["bits"] == 0).all() and not np.signbit(sure["bits"]).any()
    assert "nothing is left to chance" in sampling_finding(sure)


def test_the_title_tells_words_first_letters_from_the_rest():
    def told(prompt, length, *choice):
        return "it <a", np.array([0.25, 1, 1, 1, 0.5])

    explorer = rnn.sampling(told, lambda text, *_: torch.ones(len(text), 34) / 34, VOCABULARY, "as ", 5)
    state = explorer.state()
    assert (state["first"], state["within"]) == (1.5, 0)
    assert sampling_finding(state) == "0.60 bits per character: 1.50 at a word's first letter, 0.00 elsewhere"
    no_word = rnn.sampling(lambda *_: (",,", [1, 0.5]), follow, VOCABULARY, "a", 2).state()
    assert no_word["first"] is None and sampling_finding(no_word) == "0.50 bits per character"


def test_the_page_of_a_sample_is_its_text_and_a_button_leads_to_the_next():
    state = SAMPLING.state(seed=SEEDS - 1, temperature=2.0)
    written = SAMPLING.text(state)
    bare = re.sub(r'<span class="beside next">.*?</span>', "", written.split('<div class="beside">')[0])
    signs = re.sub("<[^>]*>", "", bare.split('<div class="page large">')[1])
    plain = signs.replace("⏎\n", "\n").replace("&lt;", "<").replace("&gt;", ">")
    assert plain == "as it" + state["text"]
    assert json.loads(re.search("data-set='([^']*)'", written)[1]) == {"seed": 0, "character": 0}
    assert written.count('class="beside next"') == LENGTH
    assert "<script" not in rnn.sampling(sample, follow, VOCABULARY, "<a>", 9).text(
        SAMPLING.state(prompt="<a>")
    )


def test_every_step_of_top_k_changes_the_chances():
    explorer = make("rnn.sampling")
    values = [value for _, value in explorer.controls["top_k"].options]
    assert values[:4] == [1, 2, 3, 5] and values[-1] == explorer.controls["top_k"].value == 75
    pages = [explorer.text(explorer.state(top_k=value)) for value in values]
    assert len(set(pages)) == len(pages)


def test_a_character_is_pinned_by_a_click_or_by_its_slider_without_another_sample():
    asked = []
    explorer = rnn.sampling(
        lambda *how: asked.append(how) or sample(*how), follow, VOCABULARY, "as it", LENGTH
    )
    state = explorer.state()
    assert state["shown"] == state["bits"].argmax() and "<b>The greatest surprise" in explorer.text(state)
    clicks = [json.loads(found) for found in re.findall("data-set='([^']*)'", explorer.text(state))[1:]]
    assert clicks == [{"character": i + 1} for i in range(LENGTH)]
    explorer.set(**clicks[7])
    state, written = explorer.state(), explorer.text(explorer.state())
    assert state["shown"] == 7 and len(asked) == 1
    assert "<b>Character 8</b>" in written and written.count("class=here") == 1
    beside = written.split('<div class="beside">')[1]
    assert f"it wrote {page.boxed(state['text'][7])}: {state['bits'][7]:.1f} bits" in beside


def test_the_last_characters_of_a_long_prompt_are_read_and_an_empty_one_is_passed_on():
    prompts = []

    def counted(prompt, length, *choice):
        prompts.append(prompt)
        return "a" * length, np.zeros(length)

    explorer = rnn.sampling(counted, follow, VOCABULARY)
    for prompt, cut in (("", 0), ("as⏎it", 0), ("b" * 8 + "a" * PROMPT, 8)):
        state = explorer.state(prompt=prompt)
        assert state["cut"] == cut and state["prompt"] == prompts[-1]
        assert np.isfinite(state["bits"]).all()
        assert (f"first {cut} characters" in explorer.text(state)) == bool(cut)
    assert prompts == ["", "as\nit", "a" * PROMPT]
