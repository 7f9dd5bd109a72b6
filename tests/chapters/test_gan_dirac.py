"""Chapter 5's smallest game, its penalties on a discriminator's slope, and the averaged weights."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course.chapters import load_definitions
from course.compare import check_agreement
from tests.helpers.tensors import drawn, flat

chapter = load_definitions("05_gan")
seeds = st.integers(0, 99)

GAMES = list(chapter.DERIVATIVES)
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


# Penalties.


def bowl(weight):
    """a(x) = Σ w x², of slope 2 w x: examples of any shape -> (B,)."""
    return lambda x: (weight * x.square()).flatten(1).sum(1)


def closed(weight, x):
    """The squared slope at each example; no gradient goes back into the examples."""
    return 4 * (weight * x.detach()).square().flatten(1).sum(1)


def case(batch, shape, seed):
    mix = drawn(batch, seed=seed).sigmoid()
    return mix, dict(zip(("real", "fake"), drawn(2, batch, *shape, seed=seed + 1), strict=True))


shapes = st.sampled_from([(1,), (3,), (2, 2), (1, 28, 28)])


@given(st.integers(2, 4), shapes, seeds)
def test_each_example_has_a_slope_of_its_own(batch, shape, seed):
    x, weight = drawn(batch, *shape, seed=seed).requires_grad_(), drawn(*shape, seed=seed + 1)
    torch.testing.assert_close(chapter.slope_squares(bowl(weight)(x), x), closed(weight, x), **exact)


@given(sizes, shapes, seeds, st.sampled_from(["between", "real", "fake"]))
def test_the_gradient_penalty_equals_the_closed_form(batch, shape, seed, where):
    mix, points = case(batch, shape, seed)
    mix = mix if where == "between" else torch.full_like(mix, where == "real")
    share = mix.view(-1, *[1] * len(shape))

    def theirs(weight, real, fake):
        return (closed(weight, share * real + (1 - share) * fake).sqrt() - 1).square().mean()

    def ours(weight, real, fake):
        return chapter.gradient_penalty(bowl(weight), real, fake, mix)

    check_agreement(ours, theirs, weight=drawn(*shape, seed=seed + 2), **points)


@given(
    st.sampled_from(list(chapter.LOSSES)),
    sizes,
    shapes,
    seeds,
    st.tuples(*[st.sampled_from([0.0, 0.3, 2.0])] * 3),
)
def test_each_penalty_adds_its_part(loss, batch, shape, seed, strengths):
    mix, points = case(batch, shape, seed)
    d_loss, _ = chapter.LOSSES[loss]
    r1, r2, gp = strengths

    def ours(weight, real, fake):
        return chapter.penalised(d_loss, bowl(weight), real, fake, mix, r1=r1, r2=r2, gp=gp)

    def theirs(weight, real, fake):
        real, fake, a = real.detach(), fake.detach(), bowl(weight)
        penalties = r1 / 2 * closed(weight, real).mean() + r2 / 2 * closed(weight, fake).mean()
        return d_loss(a(real), a(fake)) + penalties + gp * chapter.gradient_penalty(a, real, fake, mix)

    check_agreement(ours, theirs, weight=drawn(*shape, seed=seed + 2), **points)


def test_a_slope_of_zero_leaves_the_gradients_finite():
    critic = chapter.Discriminator(2, hidden=4)
    with torch.no_grad():
        critic.net[0].bias.fill_(-9.0)  # every unit is off
    loss = chapter.gradient_penalty(critic, *torch.zeros(2, 3, 2), torch.rand(3))
    assert loss == 1
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, critic.net[0].weight))


# Weights.


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), seeds)
def test_weights_are_averaged_and_the_model_is_left_alone(decays, seed):
    torch.manual_seed(seed)
    model = chapter.mlp(2, 3, 1).double()
    averaged, mean = copy.deepcopy(model), flat(model)
    for decay in decays:
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight))
        before, mean = flat(model), decay * mean + (1 - decay) * flat(model)
        chapter.average_weights(averaged, model, decay)
        torch.testing.assert_close(flat(averaged), mean, **exact)
        assert torch.equal(before, flat(model))
    assert all(weight.requires_grad and weight.grad_fn is None for weight in averaged.parameters())


def test_weights_are_clamped_in_place():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-3.0, 0.2]]))
        layer.bias.fill_(0.5)
    chapter.clamp_weights(layer, 0.3)
    assert all(weight.requires_grad and weight.grad_fn is None for weight in layer.parameters())
    assert torch.cat([layer.weight[0], layer.bias]).tolist() == pytest.approx([-0.3, 0.2, 0.3])
