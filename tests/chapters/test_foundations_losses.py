"""Chapter 0's losses, activations and first weights against PyTorch."""

import math
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from torch import nn

from course.chapters import load_definitions
from course.compare import check_agreement
from tests.helpers.tensors import CLOSE, drawn

chapter = load_definitions("00_foundations")
counts, seeds = st.integers(1, 6), st.integers(0, 99)
LAYERS = ["linear", "sigmoid", "tanh", "relu", "gelu"]


# Losses of a number.


@given(counts, st.sampled_from([1e-3, 1.0, 1e6]), st.sampled_from([0.01, 1.0, 20.0]), seeds)
def test_losses_of_numbers_equal_torch(n, size, delta, seed):
    predicted, y = size * drawn(2, n, seed=seed)
    predicted[0] = y[0]  # the kink of |e|
    for ours, theirs in (
        (chapter.mse, F.mse_loss),
        (chapter.mae, F.l1_loss),
        (partial(chapter.huber, delta=delta), partial(F.huber_loss, delta=delta)),
        (chapter.huber, F.huber_loss),
    ):
        check_agreement(ours, lambda predicted, y, f=theirs: f(predicted, y), predicted=predicted, y=y)


@pytest.mark.parametrize(
    "ours, cost, lr",
    [
        (chapter.mse, lambda e: np.mean(e**2), 0.05),
        (chapter.mae, lambda e: np.mean(np.abs(e)), 0.3),
        (partial(chapter.huber, delta=0.7), lambda e: np.mean(special.huber(0.7, e)), 0.1),
    ],
    ids=["mse", "mae", "huber"],
)
def test_lines_are_fitted_to_the_least_loss(ours, cost, lr):
    x, y = drawn(41, seed=1), drawn(41, seed=2)
    y = 3 * x - 2 + y
    y[:3] += 20
    theta = chapter.fit_line(ours, x, y, lr).numpy()
    X = np.stack([np.ones(41), x.numpy()], 1)
    least = cost(X @ theta - y.numpy())
    for turn in np.linspace(0, 2 * np.pi, 16):  # the costs are convex: no way leads down from the least
        beside = theta + 0.02 * np.array([np.cos(turn), np.sin(turn)])
        assert cost(X @ beside - y.numpy()) > least


# Losses of classes.


@given(counts, counts, st.sampled_from([1e-3, 1.0, 30.0, 1e4]), seeds)
def test_log_softmax_and_cross_entropy_equal_torch(batch, classes, size, seed):
    logits = size * drawn(batch, classes, seed=seed)
    logits[0] = logits[0, 0]  # equal ones
    labels = torch.randint(classes, (batch,), generator=torch.Generator().manual_seed(seed))
    check_agreement(chapter.log_softmax, lambda logits: F.log_softmax(logits, 1), logits=logits)
    check_agreement(
        lambda logits: chapter.cross_entropy(logits, labels),
        lambda logits: F.cross_entropy(logits, labels),
        logits=logits,
    )


# Activations.


@pytest.mark.parametrize("name", LAYERS)
@given(st.integers(1, 5), st.sampled_from([0.1, 1.0, 10.0, 300.0]), seeds)
def test_activations_values_and_slopes_equal_torch(name, n, size, seed):
    z = size * drawn(2, n, seed=seed)
    z[0, 0] = 0
    value, slope = chapter.ACTIVATIONS[name]
    theirs = (lambda z: z) if name == "linear" else getattr(F, name)
    leaf = z.clone().requires_grad_()
    expected = theirs(leaf)
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close((value(z), slope(z)), (expected.detach(), gradient), **CLOSE)


# The first weights.


def by_autograd(widths, activation, std_of, seed, batch):
    """layer_signals by PyTorch: the same draws, its own activations and gradients."""
    rng = torch.Generator().manual_seed(seed)
    act = (lambda z: z) if activation == "linear" else getattr(F, activation)
    signal, zs = torch.randn(batch, widths[0], generator=rng, dtype=torch.float64), []
    for n_in, n_out in zip(widths, widths[1:], strict=False):
        layer = nn.Linear(n_in, n_out, bias=False).double()
        drawn_weight = torch.randn(n_in, n_out, generator=rng, dtype=torch.float64)
        layer.weight.data = std_of(n_in, n_out) * drawn_weight.T
        zs.append(layer(act(zs[-1]) if zs else signal))
    end = torch.randn(batch, widths[-1], generator=rng, dtype=torch.float64)
    gradients = torch.autograd.grad((zs[-1] * end).sum(), zs)
    return [np.array([a.detach().square().mean().item() for a in arrays]) for arrays in (zs, gradients)]


@pytest.mark.parametrize("activation", LAYERS)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.integers(1, 5), seeds)
def test_signals_and_gradients_of_layers_equal_autograd(activation, widths, batch, seed):
    def std_of(fan_in, fan_out):
        return fan_in**0.5 / fan_out  # of no scheme, so that both have their place

    found = chapter.layer_signals(widths, activation, std_of, seed, batch)
    for ours, theirs in zip(found, by_autograd(widths, activation, std_of, seed, batch), strict=True):
        assert ours.shape == (len(widths) - 1,)
        assert ours.numpy() == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("fan_in, fan_out", [(500, 300), (200, 900)])
def test_initialisations_are_torchs(fan_in, fan_out):
    torch.manual_seed(0)
    weight = nn.Linear(fan_in, fan_out).weight.detach()
    bound = math.sqrt(3) * chapter.INITIALISATIONS["PyTorch's default"](fan_in, fan_out)
    assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3) and weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    for name, init in (
        ("Xavier", nn.init.xavier_normal_),
        ("He", partial(nn.init.kaiming_normal_, nonlinearity="relu")),
    ):
        std = chapter.INITIALISATIONS[name](fan_in, fan_out)
        assert std == pytest.approx(init(weight).std().item(), rel=0.01)  # 4 standard errors or more
    gain = nn.init.calculate_gain("relu")
    assert chapter.INITIALISATIONS["He"](fan_in, fan_out) == pytest.approx(gain / math.sqrt(fan_in))
    assert chapter.INITIALISATIONS["fixed 0.01"](fan_in, fan_out) == 0.01
