"""Chapter 5's smallest game, its penalties on a discriminator's slope, and the averaged weights."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course.training.average import Average
from tests.chapters.test_gan import chapter, drawn, seeds

GAMES = list(chapter.DERIVATIVES)
TURNING = {"minimax": 0.5, "non-saturating": 0.5, "hinge": 1.0, "Wasserstein": 1.0}  # -ℓ_G'(0) = ℓ_D'(0)
LINEAR = [name for name in chapter.PENALTIES if name in chapter.STRENGTH]
WEIGHTS = {"none": (), "R1": ("r1",), "R1 and R2": ("r1", "r2"), "gradient penalty": ("gp",), "clipping": ()}
places = st.floats(0.1, 1.4) | st.floats(-1.4, -0.1)
rates = st.floats(0.01, 0.3)
sizes = st.integers(1, 4)
exact = {"rtol": 1e-10, "atol": 1e-12}


# The Dirac GAN.


def descent(theta, psi, loss, penalty, gamma):
    """Minus the slopes of the generator's loss along θ and of the penalised discriminator's along ψ."""
    theta, psi = (torch.tensor([[at]], dtype=torch.float64, requires_grad=True) for at in (theta, psi))

    def discriminator(x):
        return (psi * x).squeeze(1)

    d_loss, g_loss = chapter.LOSSES[loss]
    data, mix = torch.zeros_like(theta), torch.full((1,), 0.3, dtype=torch.float64)
    weights = {name: gamma for name in WEIGHTS[penalty]}
    d = chapter.penalised(d_loss, discriminator, data, theta, mix, **weights)
    g = g_loss(discriminator(data), discriminator(theta))
    return -torch.autograd.grad(g, theta)[0].item(), -torch.autograd.grad(d, psi)[0].item()


@pytest.mark.parametrize("penalty", chapter.PENALTIES)
@pytest.mark.parametrize("loss", GAMES)
@given(places, places, st.floats(0.1, 3))
def test_the_field_is_descent_on_the_losses(loss, penalty, theta, psi, gamma):
    found = chapter.field(theta, psi, loss, penalty, gamma)
    assert found == pytest.approx(descent(theta, psi, loss, penalty, gamma), rel=1e-10, abs=1e-12)
    several = chapter.field(np.array([theta, 0.3]), np.array([psi, -0.7]), loss, penalty, gamma)
    np.testing.assert_allclose(np.array(several)[:, 0], found, rtol=1e-12)


@pytest.mark.parametrize("penalty", chapter.PENALTIES)
@pytest.mark.parametrize("alternating", [False, True])
@given(st.sampled_from(GAMES), places, places, rates, rates)
def test_a_path_is_descent_in_turns(penalty, alternating, loss, theta, psi, lr_g, lr_d):
    how = {"penalty": penalty, "gamma": 0.7, "lr_g": lr_g, "lr_d": lr_d, "alternating": alternating}
    found = chapter.path(theta, psi, loss, steps=3, **how)
    assert found.shape == (4, 2) and found[0].tolist() == [theta, psi]
    for _ in range(3):
        dtheta, dpsi = descent(theta, psi, loss, penalty, 0.7)
        psi += lr_d * dpsi
        psi = max(-1.0, min(1.0, psi)) if penalty == "clipping" else psi
        theta += lr_g * (descent(theta, psi, loss, penalty, 0.7)[0] if alternating else dtheta)
    assert found[3].tolist() == pytest.approx([theta, psi], rel=1e-9, abs=1e-12)


def test_steps_by_hand():
    how = {"lr_g": 0.1, "lr_d": 0.2, "steps": 1}
    for alternating, penalty, expected in (
        (False, "none", [1.05, 0.3]), (True, "none", [1.03, 0.3]), (True, "R1", [1.025, 0.25]),
        (True, "R1 and R2", [1.02, 0.2]), (False, "gradient penalty", [1.05, 0.4]),
        (True, "clipping", [1.03, 0.3]),
    ):  # fmt: skip
        end = chapter.path(1.0, 0.5, "Wasserstein", penalty, 0.5, alternating=alternating, **how)[1]
        assert end.tolist() == pytest.approx(expected, rel=1e-12), (penalty, alternating)
    how["lr_d"] = 2.0
    assert chapter.path(1.0, 0.5, "Wasserstein", "clipping", **how)[1].tolist() == pytest.approx([0.9, -1.0])
    assert chapter.distance(torch.tensor([[3.0, 4.0], [0.0, -2.0]])).tolist() == [5, 2]


@pytest.mark.parametrize("loss", ["minimax", "Wasserstein"])
def test_clipping_stays_within_its_walls(loss):
    psi = chapter.path(2.0, 0.5, loss, "clipping", steps=1000)[:, 1]
    assert psi.min() == -1 and psi.max() == 1
    assert chapter.path(2.0, 0.5, loss, steps=1000)[:, 1].abs().max() > 1


@pytest.mark.parametrize("loss", GAMES)
@given(st.sampled_from(LINEAR), st.floats(0, 2), rates, rates, st.booleans())
def test_the_matrix_is_the_slope_of_one_step(loss, penalty, gamma, lr_g, lr_d, alternating):
    how = {"penalty": penalty, "gamma": gamma, "lr_g": lr_g, "lr_d": lr_d, "alternating": alternating}
    by = 1e-5
    matrix = chapter.update_matrix(loss, **how)
    for column, place in zip(matrix.T, by * np.eye(2), strict=True):
        ahead, behind = (chapter.path(*end, loss, steps=1, **how)[1].numpy() for end in (place, -place))
        np.testing.assert_allclose(column, (ahead - behind) / (2 * by), rtol=1e-7, atol=1e-8)
    (a, b), (c, d) = matrix
    largest = np.abs(np.roots([1, -a - d, a * d - b * c])).max()
    assert chapter.multiplier(loss, **how) == pytest.approx(largest, abs=1e-7)


@pytest.mark.parametrize("loss", GAMES)
@given(st.floats(0.01, 3.9), st.floats(0.05, 0.8))
def test_multipliers_equal_closed_forms(loss, eta, gamma):
    def found(penalty="none", alternating=True, lr=eta, gamma=gamma):
        return chapter.multiplier(loss, penalty, gamma, lr, lr, alternating)

    assert found("gradient penalty") is None and found("clipping", alternating=False) is None
    if loss == "least squares":
        assert found() == found(alternating=False) == 1 == found("R1", lr=0.1)
        return
    g = TURNING[loss]
    eta = eta * 0.5 / g  # the turn of a step is η g
    assert found(alternating=False, lr=eta) == pytest.approx(math.sqrt(1 + (eta * g) ** 2), rel=1e-9)
    assert found(lr=eta) == pytest.approx(1, abs=1e-7)
    assert found(lr=2.1 / g) > 1.3  # beyond η g = 2 alternating explodes too
    for penalty, c in (("R1", gamma * g), ("R1 and R2", 2 * gamma * g)):
        if c < 1.7 * g:  # it still turns: |λ|² is the determinant
            for alternating, det in ((True, 1 - 0.1 * c), (False, 1 - 0.1 * c + (0.1 * g) ** 2)):
                assert found(penalty, alternating, 0.1, gamma * g) == pytest.approx(math.sqrt(det), rel=1e-7)


@pytest.mark.parametrize("loss", list(TURNING))
@given(st.sampled_from(LINEAR), st.floats(0.1, 1.2) | st.floats(3, 4), st.floats(0.1, 0.2), st.booleans())
def test_simulations_change_at_the_predicted_rate(loss, penalty, c, lr, alternating):
    lr, c = lr / TURNING[loss], c * TURNING[loss]  # c away from 2, where both eigenvalues meet
    gamma = c / max(1.0, chapter.STRENGTH[penalty])
    predicted = chapter.multiplier(loss, penalty, gamma, lr, lr, alternating)
    assert chapter.measured_rate(loss, penalty, gamma, alternating, lr) == pytest.approx(predicted, abs=1e-3)


def test_what_the_matrix_does_not_decide():
    ring = chapter.distance(chapter.path(1.0, 0.5, "minimax", steps=5999)).view(3, 2000)
    for ends in (ring.amin(1), ring.amax(1)):  # neither grows nor shrinks
        torch.testing.assert_close(ends, ends[:1].expand(3), rtol=0.001, atol=0)
    for penalty in ("none", "R1"):  # it stops, but not at the data
        theta, psi = chapter.path(1.0, 0.5, "least squares", penalty, steps=3000)[-200:].T
        assert psi.abs().max() < 1e-6 and theta.std() < 1e-6 and theta.min() > 0.1
    theta, psi = chapter.path(1.0, 0.5, "Wasserstein", "gradient penalty", steps=3000)[-500:].T
    assert theta.mean() == pytest.approx(2, abs=0.3) and psi.abs().max() < 0.3


# Penalties.


class Bowl(nn.Module):
    """a(x) = Σ w x², of slope 2 w x: examples of any shape -> (B,), float64."""

    def __init__(self, *shape, seed=0):
        super().__init__()
        self.weight = nn.Parameter(drawn(*shape, seed=seed))

    def forward(self, x):
        return (self.weight * x.square()).flatten(1).sum(1)


def case(batch, shape, seed):
    mix = torch.rand(batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    real, fake = drawn(batch, *shape, seed=seed), drawn(batch, *shape, seed=seed + 1)
    return Bowl(*shape, seed=seed + 2), real, fake, mix


def closed(bowl, x):
    return 4 * (bowl.weight * x).square().flatten(1).sum(1)


def same(found, expected, bowl, examples):
    """Equal values, equal slopes along the weights, and none along the examples."""
    ours, *none = torch.autograd.grad(found, (bowl.weight, *examples), allow_unused=True)
    (theirs,) = torch.autograd.grad(expected, bowl.weight)
    torch.testing.assert_close((found, ours), (expected, theirs), **exact)
    assert found.shape == () and none == [None, None]


shapes = st.sampled_from([(1,), (3,), (2, 2), (1, 28, 28)])


@given(st.integers(2, 4), shapes, seeds)
def test_each_example_has_a_slope_of_its_own(batch, shape, seed):
    bowl, x, other, _ = case(batch, shape, seed)

    def found(x):
        x = x.clone().requires_grad_()
        return chapter.slope_squares(bowl(x), x)

    changed = x.clone()
    changed[1] = other[1]
    before, after = found(x), found(changed)
    assert before.shape == (batch,) and (before != after).tolist() == [i == 1 for i in range(batch)]
    torch.testing.assert_close(torch.cat([found(one[None]) for one in x]), before, **exact)
    torch.testing.assert_close(before, closed(bowl, x), **exact)


def test_a_slope_of_zero_leaves_the_gradients_finite():
    critic = chapter.Discriminator(2, hidden=4)
    with torch.no_grad():
        critic.net[0].bias.fill_(-9.0)  # every unit is off
    loss = chapter.gradient_penalty(critic, *torch.zeros(2, 3, 2), torch.rand(3))
    assert loss == 1
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, critic.net[0].weight))


@given(sizes, shapes, seeds)
def test_the_gradient_penalty_equals_the_closed_form(batch, shape, seed):
    bowl, real, fake, mix = case(batch, shape, seed)
    real.requires_grad_(), fake.requires_grad_()
    for share in (mix, torch.ones_like(mix), torch.zeros_like(mix)):
        between = torch.stack([m * r + (1 - m) * f for m, r, f in zip(share, real, fake, strict=True)])
        expected = (closed(bowl, between.detach()).sqrt() - 1).square().mean()
        same(chapter.gradient_penalty(bowl, real, fake, share), expected, bowl, (real, fake))


@given(sizes, shapes, seeds, st.tuples(*[st.sampled_from([0.0, 0.3, 2.0])] * 3))
def test_each_penalty_adds_its_part(batch, shape, seed, strengths):
    bowl, real, fake, mix = case(batch, shape, seed)
    real.requires_grad_(), fake.requires_grad_()
    weights = dict(zip(("r1", "r2", "gp"), strengths, strict=True))
    for d_loss, _ in chapter.LOSSES.values():
        found = chapter.penalised(d_loss, bowl, real, fake, mix, **weights)
        left = real.detach(), fake.detach()
        parts = *(0.5 * closed(bowl, x).mean() for x in left), chapter.gradient_penalty(bowl, *left, mix)
        expected = d_loss(bowl(left[0]), bowl(left[1]))
        expected = expected + sum(s * part for s, part in zip(strengths, parts, strict=True))
        same(found, expected, bowl, (real, fake))


# Weights.


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), seeds)
def test_averages_equal_the_course_average(decays, seed):
    torch.manual_seed(seed)
    model = chapter.mlp(2, 3, 1).double()
    averaged, theirs = copy.deepcopy(model), Average(model, 0.0)
    theirs.update()
    for decay in decays:
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight))
        own = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        theirs.decay = decay
        theirs.update()
        assert chapter.average_weights(averaged, model, decay) is None
        for mean, expected in zip(averaged.parameters(), theirs.tensors, strict=True):
            torch.testing.assert_close(mean.detach(), expected, **exact)
        assert torch.equal(own, torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    assert all(weight.requires_grad and weight.grad_fn is None for weight in averaged.parameters())


def test_weights_are_clamped_in_place():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-3.0, 0.2]]))
        layer.bias.fill_(0.5)
    chapter.clamp_weights(layer, 0.3)
    assert all(weight.requires_grad and weight.grad_fn is None for weight in layer.parameters())
    assert torch.cat([layer.weight[0], layer.bias]).tolist() == pytest.approx([-0.3, 0.2, 0.3])
