"""Chapter 3's explorers of the translator and of masks: right numbers, on stand-ins for the chapter's
functions.
"""

import zlib

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import attention
from course.explorers.attention.masks import NAMES, T, caption, tokens
from course.explorers.attention.translator import MEAN, TEXT


def translate(text, output="2021-01-05"):
    """As the chapter's, but untrained: each text has its own random weights, two layers of three heads."""
    source = " ".join(text.split())
    rng = torch.Generator().manual_seed(zlib.crc32(source.encode()))
    scores = 3 * torch.randn(2, 3, len(output), len(source), generator=rng)
    probs = torch.rand(len(output), generator=rng)
    return {"source": source, "output": output, "probs": probs, "attn": scores.softmax(-1)}


TRANSLATOR = attention.translator(translate)


@pytest.mark.parametrize("position", [1, 7, 10])
@pytest.mark.parametrize("layer", [1, 2])
def test_the_translators_weights_are_the_chosen_layers_heads_and_characters(layer, position):
    attn = translate(TEXT)["attn"][layer - 1]
    for head in (MEAN, 1, 3):
        state = TRANSLATOR.state(layer=layer, head=head, position=position)
        expected = attn.mean(0) if head == MEAN else attn[head - 1]
        assert np.allclose(state["map"], expected) and state["map"].shape == (10, len(TEXT))
        assert np.allclose(state["weights"], expected[position - 1])
        assert state["most"] == expected[position - 1].argmax() and f"layer {layer}" in state["shown"]
    assert np.allclose(state["probs"], translate(TEXT)["probs"])
    assert (state["source"], state["output"]) == (TEXT, "2021-01-05")
    beyond = TRANSLATOR.state(position=12, layer=5)
    assert beyond["position"] == 10 and np.array_equal(beyond["map"], TRANSLATOR.state(layer=2)["map"])


@pytest.mark.parametrize("output", ["", "2", "2021-01-05xy"])
def test_an_output_of_any_length_is_drawn_and_the_position_ends_there(output):
    explorer = attention.translator(lambda text: translate(text, output=output))
    explorer.set(position=max(2, len(output)))
    assert explorer.message.value == "" and explorer.controls["position"].max == max(2, len(output))
    state = explorer.state()
    assert state["map"].shape == (len(output), len(TEXT)) and state["weights"].shape == (len(TEXT),)
    assert state["weights"].sum() == pytest.approx(1 if output else 0)


def test_a_text_is_translated_once_and_an_empty_one_is_refused():
    texts = []
    explorer = attention.translator(lambda text: texts.append(text) or translate(text))
    for position in range(1, 11):
        explorer.state(position=position)
    assert texts == [TEXT]
    with pytest.raises(ValueError, match="at least one character"):
        explorer.state(text="  ")


CHAPTER = chapters.load_definitions("03_attention")
MASKS = attention.masks(CHAPTER.attention, CHAPTER.padding_mask, CHAPTER.causal_mask)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [0, 1, 7, T])
def test_the_shown_mask_is_the_chosen_one_and_its_weights_those_of_the_same_queries_and_keys(name, length):
    whole = MASKS.state(mask="none")["attn"]
    for position in (1, 4, T):
        state = MASKS.state(mask=name, length=length, position=position)
        rows, columns = np.indices((T, T))
        padding, causal = columns < length, columns <= rows
        expected = {"none": padding | True, "padding": padding, "causal": causal, "both": padding & causal}
        assert np.array_equal(state["mask"], expected[name])
        allowed = whole * expected[name]
        sums = np.maximum(allowed.sum(1, keepdims=True), 1e-12)
        assert np.allclose(state["attn"], allowed / sums)
        assert np.array_equal(state["allowed"], expected[name][position - 1])
        assert np.array_equal(state["weights"], state["attn"][position - 1])


def test_the_masks_caption_counts_what_a_query_may_see():
    said = caption(MASKS.state(mask="both", length=7, position=4))
    assert "query 4 may attend to 4 of 10 tokens; its weights sum to 1.00" in said and "padding:" not in said
    said = caption(MASKS.state(mask="both", length=0, position=1))
    assert "may attend to nothing: its weights are all 0" in said
    assert "query 9 (padding" in caption(MASKS.state(mask="none", length=8, position=9))
    assert tokens(2) == ["1", "2"] + ["pad"] * 8
