"""Chapter 5's measures of points and of digits, its networks, and the ways between codes."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, ndimage, stats
from scipy.spatial import distance
from torch import nn

from course.chapters import load_definitions
from tests.helpers.gans import CENTRES, STD, draws, targets
from tests.helpers.tensors import drawn, flat

chapter = load_definitions("05_gan")
sizes, seeds = st.integers(1, 4), st.integers(0, 99)


# Points.


@targets
def test_a_mode_is_found_by_twenty_good_samples(target):
    first, second, third, last = torch.tensor(CENTRES[target]).float()[[0, 1, 2, -1]]
    along, across = STD[target] * torch.eye(2)

    def points(good):
        near = [first + 2.9 * along, second - 2.9 * across, third + 3.1 * along, last - 3.1 * across]
        some = [place.expand(n, 2) for place, n in zip(near, (good, 19, 100, 100), strict=True)]
        return torch.cat([*some, torch.tensor([[99.0, 99.0]]).expand(2500 - 219 - good, 2)])

    assert chapter.score(points(20), target) == {"modes": 1, "quality": pytest.approx(39 / 2500)}
    assert chapter.score(points(19), target) == {"modes": 0, "quality": pytest.approx(38 / 2500)}
    ideal = chapter.score(chapter.mixture(target)(draws(), 2500), target)
    assert ideal == {"modes": len(CENTRES[target]), "quality": pytest.approx(0.989, abs=0.008)}


@targets
@given(st.lists(st.integers(0, 40), min_size=8, max_size=8).filter(any), seeds)
def test_effective_modes_are_the_exponent_of_the_entropy(target, counts, seed):
    centres = torch.tensor(CENTRES[target]).float()
    points = torch.cat([centre.expand(n, 2) for centre, n in zip(centres[:8], counts, strict=True)])
    points = points + 0.5 * drawn(len(points), 2, seed=seed).float().clamp(-1, 1)  # not near, only nearest
    found = chapter.effective_modes(points, CENTRES[target])
    assert found == pytest.approx(math.exp(stats.entropy(np.array(counts))), rel=1e-5)


def test_samples_are_the_generators_of_one_seeds_noise():
    generator, _ = chapter.pair(hidden=4)
    before = torch.get_rng_state()
    found = chapter.sample(generator, 7, seed=3)
    noise = torch.randn(7, 2, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found, generator(noise).detach()) and torch.equal(before, torch.get_rng_state())
    assert found.device.type == "cpu" and not found.requires_grad
    for same, seed in ((True, 0), (False, 1)):
        assert torch.equal(flat(chapter.pair(4)[1]), flat(chapter.pair(4, seed)[1])) == same


@given(st.integers(1, 5), seeds)
def test_the_pull_is_the_loss_s_descent_at_each_sample(n, seed):
    torch.manual_seed(seed)
    x, linear = drawn(n, 2, seed=seed), nn.Linear(2, 1).double()
    found = chapter.pull_of(lambda x: linear(x).squeeze(1), x)
    assert found.shape == (n, 2) and not x.requires_grad and not found.requires_grad
    expected = torch.sigmoid(-linear(x)) * linear.weight  # towards higher logits, less where it passes
    torch.testing.assert_close(found, expected.detach(), rtol=1e-9, atol=1e-12)
    assert linear.weight.grad is None


# Networks of digits.


@given(sizes, sizes, sizes, sizes, st.sampled_from([2, 3]))
def test_spread_and_gather_equal_pytorch(b, c, h, w, r):
    x, y = drawn(b, c * r * r, h, w), drawn(b, c, h * r, w * r)
    assert torch.equal(chapter.spread(x, r), F.pixel_shuffle(x, r))
    assert torch.equal(chapter.gather(y, r), F.pixel_unshuffle(y, r))


def test_the_networks_of_digits():
    generator, judge = chapter.digit_models(0)
    images, classifier = chapter.sample(generator, 3), chapter.Classifier(features=5)
    assert images.shape == (3, 1, 28, 28) and 0 <= images.min() and images.max() <= 1
    far = generator(1e4 * torch.randn(2, generator.noise))
    assert far.isfinite().all() and 0 <= far.min() and far.max() <= 1
    assert judge(images).shape == (3,) and classifier(images).shape == (3, 10)
    for model, x in ((generator, torch.randn(3, generator.noise)), (judge, images), (classifier, images)):
        alone = torch.cat([model(one[None]) for one in x])
        torch.testing.assert_close(alone, model(x), rtol=1e-4, atol=1e-5)  # no example sees another
        model(x).square().sum().backward()
        assert all(w.grad.abs().max() > 0 for w in model.parameters())


def remapped(image, draws):
    """An image (28, 28) seen through an affine map of places from -1 to 1, by SciPy."""
    rows, columns = (2 * np.mgrid[:28, :28] + 1) / 28 - 1
    (a, b, c), (d, e, f) = np.eye(2, 3) + 0.1 * draws.reshape(2, 3)
    seen = d * columns + e * rows + f, a * columns + b * rows + c
    places = [((at + 1) * 28 - 1) / 2 for at in seen]
    return ndimage.map_coordinates(image, places, order=1, mode="grid-constant")


@given(st.integers(1, 3), seeds)
def test_each_image_is_distorted_by_its_own_map(n, seed):
    x, normals = drawn(n, 1, 28, 28, seed=seed).sigmoid(), drawn(n, 6, seed=seed + 1)
    expected = [remapped(*pair) for pair in zip(x[:, 0].numpy(), normals.numpy(), strict=True)]
    found = chapter.distort(x.float(), normals.float())
    assert found.shape == x.shape
    np.testing.assert_allclose(found[:, 0], np.array(expected), atol=2e-3)
    still = chapter.distort(x.float(), torch.zeros(n, 6))
    torch.testing.assert_close(still, x.float(), rtol=0, atol=2e-5)


# Measures of features.


@given(st.integers(5, 9), st.integers(1, 6), st.integers(1, 4), seeds)
def test_coverage_by_brute_force(m, n, k, seed):
    reference, points = drawn(m, 2, seed=seed), drawn(n, 2, seed=seed + 1)
    radii = np.sort(distance.cdist(reference, reference))[:, k]  # the first is itself
    inside = (distance.cdist(points, reference) <= radii).any(1)
    assert chapter.coverage(points, reference, k) == pytest.approx(inside.mean())


@given(st.integers(2, 4), seeds)
def test_frechet_equals_scipy(d, seed):
    a, b = drawn(30, d, seed=seed), 1.5 * drawn(40, d, seed=seed + 1) @ drawn(d, d, seed=seed + 2) + 1
    covariances = [np.cov(x.numpy().T) for x in (a, b)]
    root = np.real(linalg.sqrtm(covariances[0] @ covariances[1]))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(sum(covariances) - 2 * root)
    assert chapter.frechet(a, b) == pytest.approx(expected, rel=1e-6)
    assert chapter.frechet(b, a) == pytest.approx(expected, rel=1e-6)
    few = drawn(3, 6, seed=seed)  # fewer examples than features: no covariance of full rank
    assert chapter.frechet(few.float(), few.float()) == pytest.approx(0, abs=1e-5)


class Reader(nn.Module):
    """Takes the digit, its logit and two features from an image's first pixels."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        corner = x.flatten(1)
        return self.scale * corner[:, 1:2] * F.one_hot(corner[:, 0].long(), 10)

    def features(self, x):
        return self.scale * x.flatten(1)[:, 2:4]


def test_the_judge_by_hand():
    def images(digits, logits, features):
        x = torch.zeros(len(digits), 784)
        x[:, 0], x[:, 1], x[:, 2:4] = torch.tensor(digits), torch.tensor(logits), features
        return x.view(-1, 1, 28, 28)

    close, wide = 0.1 * drawn(5, 2).float(), torch.tensor([[-9.0, 0], [9, 0], [0, 9], [0, -9], [0, 0]])
    sure = math.log(0.95 / 0.05 * 9)  # beside nine logits of 0: a chance of 0.95
    found = chapter.judge(
        images([3, 3, 7, 9, 3], [sure + 0.01, sure - 0.01, 20.0, 20.0, 1.0], close), Reader(),
        images([0] * 5, [20.0] * 5, wide),
    )  # fmt: skip
    assert found.keys() == {"shares", "confident", "precision", "recall", "Fréchet"}
    assert found["shares"] == pytest.approx([0, 0, 0, 0.6, 0, 0, 0, 0.2, 0, 0.2], abs=1e-6)
    assert found["confident"] == pytest.approx(3 / 5)
    assert (found["precision"], found["recall"]) == (1, 0.2)  # one real example lies among the samples
    assert found["Fréchet"] == pytest.approx(chapter.frechet(close, wide))


# Ways between codes.


@given(st.integers(2, 5), seeds)
def test_the_great_circle_keeps_the_length_and_turns_evenly(size, seed):
    start, end = 3 * F.normalize(drawn(2, size, seed=seed), dim=1)
    way = chapter.great_circle(start, end, torch.linspace(0, 1, 9, dtype=torch.float64))
    assert way.shape == (9, size)
    torch.testing.assert_close(way.norm(dim=1), torch.full((9,), 3.0, dtype=torch.float64))
    torch.testing.assert_close(way[[0, -1]], torch.stack([start, end]))
    whole = math.acos(max(-1, min(1, (start @ end / 9).item())))
    for code, share in zip(way, np.linspace(0, 1, 9), strict=True):
        assert math.acos(min(1, (start @ code / 9).item())) == pytest.approx(share * whole, abs=1e-6)
