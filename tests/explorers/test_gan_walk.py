"""Chapter 5's explorer of the latent space: right numbers, on stand-ins for the chapter's models."""

import numpy as np
import pytest
import torch

from course.explorers import gan
from course.explorers.gan.walk import (
    CIRCLE,
    EVERY,
    FINE,
    LINE,
    between,
    caption,
    draw_codes,
    typical,
)

Z = 6
RNG = torch.Generator().manual_seed(5)
WEIGHTS = torch.randn(Z, 28 * 28, generator=RNG)
READ = torch.randn(28 * 28, 10, generator=RNG)
CODES = draw_codes(Z)


def generate(noise):
    return (noise @ WEIGHTS).sigmoid().view(-1, 28, 28)


def classify(images):
    return (images.reshape(len(images), -1) @ READ).softmax(1)


def decoded(code):
    return generate(torch.as_tensor(code, dtype=torch.float32)[None])


EXPLORER = gan.walk(generate, classify, Z)


@pytest.mark.parametrize("path", [LINE, CIRCLE])
@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_the_way_begins_and_ends_at_the_two_codes(path, scale):
    for start, end in ((1, 2), (20, 1), (7, 7)):
        way = dict(start=start, end=end, path=path, scale=scale)
        first, last = (EXPLORER.state(position=position, **way) for position in (0.0, 1.0))
        for state, code in ((first, CODES[start - 1]), (last, CODES[end - 1])):
            assert np.allclose(state["image"], decoded(scale * code)[0], atol=1e-6)
            assert state["length"] == pytest.approx(scale * np.linalg.norm(code))
            assert np.allclose(state["probabilities"], classify(decoded(scale * code))[0], atol=1e-6)
            assert state["digit"] == int(classify(decoded(scale * code)).argmax())
        assert np.allclose(first["strip"][0], first["image"])
        assert np.allclose(first["strip"][-1], last["image"])
        assert (first["nearest"], last["nearest"]) == (0, 8)


def test_a_line_is_the_weighted_mean_and_an_arc_keeps_the_length_turns_evenly_and_stays_in_the_plane():
    assert np.allclose(between(CODES[0], CODES[1], [0.25], LINE)[0], 0.75 * CODES[0] + 0.25 * CODES[1])
    a, b = CODES[3], CODES[8] * np.linalg.norm(CODES[3]) / np.linalg.norm(CODES[8])
    arc = between(a, b, FINE, CIRCLE)
    assert np.allclose(np.linalg.norm(arc, axis=1), np.linalg.norm(a))
    cosines = (arc[1:] * arc[:-1]).sum(1) / (a @ a)
    assert np.allclose(np.arccos(cosines), np.arccos(a @ b / (a @ a)) / (len(FINE) - 1))
    assert np.linalg.matrix_rank(np.stack([a, b, *arc]), tol=1e-9) == 2
    lengths = np.linalg.norm(between(a, 3 * b, FINE, CIRCLE), axis=1)
    assert np.allclose(lengths, np.linalg.norm(a) * (1 + 2 * FINE))


def test_codes_of_one_direction_give_a_straight_way():
    for b in (CODES[0], 2 * CODES[0], CODES[0] * (1 + 1e-12)):
        assert np.allclose(between(CODES[0], b, FINE, CIRCLE), between(CODES[0], b, FINE, LINE))
    assert np.isfinite(between(CODES[0], -CODES[0], FINE, CIRCLE)).all()


@pytest.mark.parametrize("path", [LINE, CIRCLE])
def test_strip_moves_and_lengths_are_those_of_the_way(path):
    state = EXPLORER.state(start=4, end=9, path=path, scale=1.2)
    way = 1.2 * between(CODES[3], CODES[8], FINE, path)
    images = [decoded(code)[0].double().numpy() for code in way]
    assert np.allclose(state["strip"], images[::EVERY], atol=1e-6) and len(state["strip"]) == 9
    moves = [np.linalg.norm(b - a) for a, b in zip(images[:-1], images[1:], strict=True)]
    assert np.allclose(state["moves"], moves, atol=1e-5)
    assert np.allclose(state["lengths"], np.linalg.norm(way, axis=1))
    chances = classify(torch.as_tensor(np.stack(images[::EVERY]), dtype=torch.float32))
    assert state["digits"].tolist() == chances.argmax(1).tolist()
    assert np.allclose(state["shares"], chances.max(1).values, atol=1e-4)


def test_the_codes_are_standard_normal_and_the_same_each_time():
    assert np.array_equal(CODES, draw_codes(Z)) and len({code[0] for code in CODES}) == len(CODES)
    wide = draw_codes(2000)
    assert abs(wide.mean()) < 0.02 and abs(wide.std() - 1) < 0.02
    low, high = typical(2000)
    assert ((low < np.linalg.norm(wide, axis=1)) & (np.linalg.norm(wide, axis=1) < high)).mean() > 0.8


def test_a_way_is_decoded_once_however_the_position_moves_and_without_gradients():
    sizes, weight = [], WEIGHTS.clone().requires_grad_()

    def counted(noise):
        sizes.append(len(noise))
        return (noise @ weight).sigmoid().view(-1, 28, 28)

    explorer = gan.walk(counted, classify, Z)
    for position in (0.0, 0.3, 1.0, 0.3):
        assert explorer.state(position=position)["start"] == 1
    assert sizes.count(len(FINE)) == 1 and weight.grad is None


def test_the_walk_says_what_it_shows():
    state = EXPLORER.state() | {"digit": 3, "probabilities": np.eye(10)[3] * 0.876, "length": 2.3456}
    assert caption(state) == (
        "digit 3 by the classifier, probability 0.88; length of the code 2.35, typical √Z = 2.45 (Z = 6)"
    )
