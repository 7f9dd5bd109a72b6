"""Chapter 3's explorers of the translator and of masks: right numbers and pages, on stand-ins for the
chapter's functions.
"""

import html
import json
import re
import zlib

import numpy as np
import pytest
import torch

from course import chapters, models
from course.explorers import attention
from course.explorers.attention.masks import MASKS, WORDS, T, tokens
from course.explorers.attention.masks import caption as said_of_masks
from course.explorers.attention.translator import EXAMPLES, MEAN, STYLE, WIDTH, caption, middles, page

TEXT = EXAMPLES[0]


def translate(text, output="2021-01-05"):
    """As the chapter's, but untrained: each text has its own random weights, two layers of three heads."""
    source = " ".join(text.split())
    rng = torch.Generator().manual_seed(zlib.crc32(source.encode()))
    scores = 3 * torch.randn(2, 3, len(output), len(source), generator=rng)
    probs = torch.rand(len(output), generator=rng)
    return {"source": source, "output": output, "probs": probs, "attn": scores.softmax(-1)}


TRANSLATOR = attention.translator(translate)


@pytest.mark.parametrize("position", [1, 7, 10])
def test_the_translators_weights_are_those_of_the_last_layer_the_chosen_head_and_character(position):
    attn = translate(TEXT)["attn"][-1]
    for head in (MEAN, 1, 3):
        state = TRANSLATOR.state(head=head, position=position)
        expected = attn.mean(0) if head == MEAN else attn[head - 1]
        assert np.allclose(state["map"], expected) and state["map"].shape == (10, len(TEXT))
        spans = [(0, 7), *((i, i + 1) for i in (7, 8, 9, 10, 17, 22, 23, 24)), (11, 17), (18, 22)]
        sums = {expected[position - 1, start:end].sum().item(): TEXT[start:end] for start, end in spans}
        share, word = state["looks"]
        assert share == pytest.approx(max(sums)) and word == sums[max(sums)]
    assert np.allclose(state["probs"], translate(TEXT)["probs"])
    assert (state["source"], state["output"]) == (TEXT, "2021-01-05")
    assert TRANSLATOR.state(position=12)["position"] == 10


@pytest.mark.parametrize("output", ["", "2", "2021-01-05xy"])
def test_an_output_of_any_length_is_drawn_and_the_position_ends_there(output):
    explorer = attention.translator(lambda text: translate(text, output=output))
    explorer.box()
    explorer.set(position=max(2, len(output)))
    assert explorer.message.value == "" and explorer.controls["position"].max == max(2, len(output))
    assert explorer.state()["map"].shape == (len(output), len(TEXT))
    assert explorer.png() and ("writes nothing" in caption(explorer.state())) == (output == "")


def test_a_text_is_translated_once_and_an_empty_one_is_refused():
    texts = []
    explorer = attention.translator(lambda text: texts.append(text) or translate(text))
    for position in range(1, 11):
        explorer.state(position=position)
    assert texts == [TEXT]
    with pytest.raises(ValueError, match="at least one character"):
        explorer.state(text="  ")


def written_in(text):
    """What a reader copies from a page's lines: the text of its cells without their notes."""
    lines = re.findall("<p class='line .*?'>(.*?)</p>", text)
    return [html.unescape(re.sub("<i>.*?</i>|<[^>]*>", "", line)) for line in lines]


def test_the_page_holds_both_texts_and_what_is_pressed_sets_the_controls():
    state = TRANSLATOR.state(text="5 <b> & 'x' \"y\"", position=3)
    shown = page(state)
    assert written_in(shown) == ["5 <b> & 'x' \"y\"", "2021-01-05"]
    pressed = [json.loads(html.unescape(values)) for values in re.findall("data-set='(.*?)'", shown)]
    assert pressed[:10] == [{"position": number} for number in range(1, 11)]
    assert [values["text"] for values in pressed[10:]] == list(EXAMPLES)
    assert [f"p = {prob:.3f}" in shown for prob in state["probs"]] == [True] * 10
    widths = [float(width) for width in re.findall("stroke='#d55e00' stroke-width='(.*?)'", shown)]
    weights = state["map"][2]
    assert np.allclose(widths, 14 * weights[weights >= 0.005], atol=0.01)


def test_the_pages_style_never_changes_and_asks_for_the_fonts_signs_first():
    pages = [page(TRANSLATOR.state(text=text, position=position)) for text in EXAMPLES for position in (1, 9)]
    assert {re.findall("<style>.*?</style>", text, re.DOTALL)[0] for text in pages} == {STYLE}
    stacks = re.findall('font: .*?"([^;]*)"[^";]*;', STYLE)
    assert stacks and all(stack.startswith("Course Signs") for stack in stacks if "Signs" in stack)
    assert 'DejaVu Sans", "Course Signs' not in STYLE


@pytest.mark.parametrize("count", [1, 10, 24, 40])
def test_lines_of_text_fit_between_the_pages_edges(count):
    places, size = middles("x" * count)
    assert size >= 20 and np.allclose(np.diff(places), size)
    assert places[0] >= size / 2 and places[-1] <= WIDTH - size / 2
    assert places.mean() == pytest.approx(WIDTH / 2)


def test_the_recorded_reader_reads_the_examples_and_finds_the_month_in_its_name():
    explorer = attention.translator(models.date_transformer().translate)
    for text in EXAMPLES[:4]:
        assert explorer.state(text=text)["output"] == "2021-01-05"
    assert caption(explorer.state()) == (
        "Character 7 of 2021-01-05, “1”, looks most at “января”: 90 % of its weight"
    )
    assert "“1”: 8" in caption(explorer.state(text=EXAMPLES[3]))  # a number between two signs
    with pytest.raises(ValueError, match="'😀' is not among the .* characters of the vocabulary"):
        explorer.state(text="😀")
    assert all(len(caption(explorer.state(text=text))) <= 95 for text in EXAMPLES)
    assert written_in(page(explorer.state(text=EXAMPLES[3])))[0] == "2021年1月5日火曜日"
    assert explorer.state(text="February 30, 2021")["output"] == "2021-02-30"


CHAPTER = chapters.load_definitions("03_attention")
MASKED = attention.masks(CHAPTER.attention, CHAPTER.padding_mask, CHAPTER.causal_mask)


@pytest.mark.parametrize("name", [name for _, name in MASKS])
@pytest.mark.parametrize("length", [0, 1, 6, T])
def test_the_shown_mask_is_the_chosen_one_and_its_weights_those_of_the_same_queries_and_keys(name, length):
    whole = MASKED.state(mask="none")["attn"]
    for position in (1, 4, T):
        state = MASKED.state(mask=name, length=length, position=position)
        rows, columns = np.indices((T, T))
        padding, causal = columns < length, columns <= rows
        expected = {"none": padding | True, "padding": padding, "causal": causal, "both": padding & causal}
        assert np.array_equal(state["mask"], expected[name])
        allowed = whole * expected[name]
        sums = np.maximum(allowed.sum(1, keepdims=True), 1e-12)
        assert np.allclose(state["attn"], allowed / sums)
        assert np.array_equal(state["weights"], state["attn"][position - 1])
        assert np.allclose(state["free"], whole[position - 1])


def test_the_masks_title_says_what_a_query_loses_and_what_grows():
    state = MASKED.state()
    kept = state["free"][:5].sum()
    assert state["position"] == 5 and 0.3 < kept < 0.7  # at the beginning much is lost
    free = state["free"]
    shares = f"{100 * free[6:].sum():.0f} % on padding and {100 * free[5]:.0f} % on later words"
    assert said_of_masks(state) == f"Masked, “man” loses {shares}: the rest grows {1 / kept:.1f}-fold"
    assert np.allclose(state["weights"][:5], state["free"][:5] / kept)
    assert f"loses {100 * (1 - kept):.0f} % on later words:" in said_of_masks(MASKED.state(length=T))
    assert said_of_masks(MASKED.state(mask="none")) == f"“man” puts {shares}"
    assert "on itself and on earlier words" in said_of_masks(MASKED.state(mask="none", length=T, position=T))
    lone = said_of_masks(MASKED.state(mask="causal", length=T, position=1))
    assert re.search(r"grows \d\d+-fold", lone)
    texts = [
        said_of_masks(MASKED.state(mask=mask, length=length, position=position))
        for _, mask in MASKS
        for length in range(T + 1)
        for position in range(1, T + 1)
    ]
    assert max(map(len, texts)) <= 97
    said = said_of_masks(MASKED.state(length=0, position=1))
    assert said == "“pad” may attend to nothing: its weights are all 0, and none is NaN"
    assert "query is padding" in said_of_masks(MASKED.state(mask="none", length=7, position=8))
    assert tokens(2) == ["the", "dog", *["pad"] * 6] and len(WORDS) == T


def test_a_press_in_the_masks_table_chooses_its_row():
    explorer = attention.masks(CHAPTER.attention, CHAPTER.padding_mask, CHAPTER.causal_mask)
    explorer.box()
    for y, position in ((-0.4, 1), (0.4, 1), (2.9, 4), (7.4, 8), (99, 8)):
        explorer._set_nearest(explorer.touch["table"](explorer.state(), 3.0, y))
        assert explorer.controls["position"].value == position
