"""Chapter 5's explorer of the latent space: right numbers, on stand-ins for the chapter's models."""

import numpy as np
import pytest
import torch

from course import chapters, explorers
from course.explorers import gan
from course.explorers.gan.walk import (
    CIRCLE,
    EVERY,
    FINE,
    LINE,
    SURE,
    TRIED,
    choose_ends,
    finding,
    way_between,
)

Z = 6
RNG = torch.Generator().manual_seed(5)
WEIGHTS = torch.randn(Z, 28 * 28, generator=RNG)
READ = torch.randn(28 * 28, 10, generator=RNG)
great_circle = chapters.load_definitions("05_gan").great_circle


def generate(noise):
    return (noise @ WEIGHTS).sigmoid().view(-1, 28, 28)


def classify(images):
    return (images.reshape(len(images), -1) @ READ).softmax(1)


def decoded(code):
    return generate(torch.as_tensor(code, dtype=torch.float32)[None])


ENDS = torch.as_tensor(choose_ends(generate, classify, Z))
EXPLORER = gan.walk(generate, classify, Z, great_circle)


def test_an_end_is_the_plainest_of_the_sure_codes_of_its_digit_or_the_surest():
    codes = torch.randn(TRIED, Z, generator=torch.Generator().manual_seed(3))
    images = generate(codes)
    chances, grey = classify(images), (images * (1 - images)).sum((1, 2))
    for digit, end in enumerate(ENDS[0]):
        place = (codes - end).abs().sum(1).argmin()
        sure = chances[:, digit] > SURE
        if sure.any():
            assert sure[place] and grey[place] == pytest.approx(grey[sure].min().item(), rel=1e-4)
        else:
            assert chances[place, digit] == pytest.approx(chances[:, digit].max().item(), rel=1e-4)
    assert (ENDS[0] != ENDS[1]).any(1).all()
    assert ENDS.shape == (2, 10, Z) and np.array_equal(ENDS, choose_ends(generate, classify, Z))


@pytest.mark.parametrize("path", [LINE, CIRCLE])
@pytest.mark.parametrize("scale", [0.4, 1.4])
def test_the_way_begins_and_ends_at_the_two_codes(path, scale):
    for start, end in ((1, 2), (9, 0), (7, 7)):  # the last: between two codes of one digit
        way = dict(start=start, end=end, path=path, scale=scale)
        states = [EXPLORER.state(position=position, **way) for position in (0.0, 1.0)]
        for state, digit in zip(states, (start, end), strict=True):
            code = scale * ENDS[int(start == end and state is states[1]), digit]
            assert np.allclose(state["image"], decoded(code)[0], atol=1e-6)
            assert state["length"] == pytest.approx(code.norm().item())
            chances = classify(decoded(code))[0]
            assert state["digit"] == int(chances.argmax())
            assert state["sure"] == pytest.approx(chances.max().item(), abs=1e-6)
        assert np.allclose(states[0]["strip"][0], states[0]["image"], atol=1e-6)
        assert np.allclose(states[0]["strip"][-1], states[1]["image"], atol=1e-6)


def test_the_line_is_the_weighted_mean_and_the_arc_is_the_chapters():
    way = way_between(great_circle, ENDS, 3, 8, LINE, 1.2, [0.25])
    assert np.allclose(way[0], 1.2 * (0.75 * ENDS[0, 3] + 0.25 * ENDS[0, 8]))
    arc = way_between(great_circle, ENDS, 3, 8, CIRCLE, 1.0, FINE)
    assert np.allclose(arc, great_circle(ENDS[0, 3], ENDS[0, 8], torch.as_tensor(FINE)))
    lengths = arc.norm(dim=1)
    assert lengths.min() > 0.99 * min(ENDS[0, 3].norm(), ENDS[0, 8].norm())
    again = way_between(great_circle, ENDS, 4, 4, CIRCLE, 1.0, FINE)
    assert np.allclose(again[[0, -1]], ENDS[:, 4])


@pytest.mark.parametrize("path", [LINE, CIRCLE])
def test_strip_and_chances_are_those_of_the_way(path):
    state = EXPLORER.state(start=4, end=9, path=path, scale=1.2)
    images = [decoded(code)[0] for code in way_between(great_circle, ENDS, 4, 9, path, 1.2, FINE)]
    assert np.allclose(state["strip"], torch.stack(images[::EVERY]), atol=1e-6) and len(state["strip"]) == 9
    chances = classify(torch.stack(images))
    assert np.allclose(state["chances"], chances, atol=1e-4)
    assert state["least"] == pytest.approx(chances.max(1).values.min().item(), abs=1e-4)
    read = chances.argmax(1).tolist()
    assert state["read"] == [digit for i, digit in enumerate(read) if [digit] != read[i - 1 : i]]


def test_a_way_is_decoded_once_however_the_position_moves_and_without_gradients():
    sizes, weight = [], WEIGHTS.clone().requires_grad_()

    def counted(noise):
        sizes.append(len(noise))
        return (noise @ weight).sigmoid().view(-1, 28, 28)

    explorer = gan.walk(counted, classify, Z, great_circle)
    for position in (0.0, 0.3, 1.0, 0.3):
        explorer.state(position=position)
    assert sizes.count(len(FINE)) == 1 and weight.grad is None


def test_the_chapters_walk_begins_at_a_plain_digit_and_passes_what_is_none():
    explorer = explorers.play("gan.walk")
    state = explorer.state()
    assert (state["position"], state["digit"]) == (0, 5) and state["sure"] > 0.999
    assert state["least"] < 0.6 and state["read"] == [5, 3, 9]
    assert (
        finding(state)
        == "On the way the classifier reads 5 → 3 → 9 (never less sure than 0.49); here: 5 (1.00)"
    )
    for position in (0.0, 1.0):  # the rule and its mark strike no curve's number
        explorer.picture.png(explorer.state(position=position), density=1)
        artists = explorer.picture.artists
        (place,), (height,) = artists["here"].get_data()
        top = max(artists["rule"].get_ydata())
        assert top == height and (artists["digits"]._places[:, 1] > top + 0.08).all() and place == position
    for digit in range(10):
        end = explorer.state(start=digit, end=digit)
        assert end["digit"] == digit and end["sure"] > 0.99


def test_the_way_is_dragged_and_played_to_its_end():
    explorer = gan.walk(generate, classify, Z, great_circle)
    for panel in ("strip", "curves"):
        assert explorer.touch[panel](explorer.state(), 0.4, 0.5) == {"position": 0.4}
    explorer.box()
    while explorer.advance():
        pass
    assert explorer.controls["position"].value == 1
    assert explorer.advance(start=True) and explorer.controls["position"].value == 0
