"""Chapter 1's own layers against PyTorch, over random shapes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course.agreement import check_agreement
from course.chapters import load_definitions

chapter = load_definitions("01_cnn")


@st.composite
def convolutions(draw):
    """Arguments of a convolution whose kernel fits: every size, stride, padding and dilation of its own by
    axis."""
    size = st.integers(1, 4)
    batch, c_in, c_out = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel, stride, dilation = (draw(st.tuples(size, size)) for _ in range(3))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [max(1, r - 2 * p) for r, p in zip(reach, padding, strict=True)]
    h, w = (draw(st.integers(n, n + 6)) for n in least)
    case = chapter.random_case(batch, c_in, h, w, c_out, *kernel, seed=draw(st.integers(0, 99)))
    return case | {"stride": stride, "padding": padding, "dilation": dilation}


@given(convolutions())
def test_conv2d_equals_torch(case):
    check_agreement(chapter.conv2d, F.conv2d, **case)


@given(convolutions())
def test_conv2d_loops_equals_torch(case):
    check_agreement(chapter.conv2d_loops, F.conv2d, **case)


@given(convolutions())
def test_conv2d_without_bias_and_with_plain_numbers(case):
    stride, padding, dilation = (case[name][0] for name in ("stride", "padding", "dilation"))
    x = F.pad(case["x"], (case["padding"][1] + 9,) * 2)  # wide enough for the rows' settings
    settings = dict(stride=stride, padding=padding, dilation=dilation)
    check_agreement(chapter.conv2d, F.conv2d, x=x, weight=case["weight"], bias=None, **settings)


@given(convolutions())
def test_output_size_equals_the_length_that_torch_gives(case):
    y = F.conv2d(**case)
    for axis in (0, 1):
        settings = (case[name][axis] for name in ("stride", "padding", "dilation"))
        size = chapter.output_size(case["x"].shape[2 + axis], case["weight"].shape[2 + axis], *settings)
        assert size == y.shape[2 + axis]


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 5), st.integers(1, 5))
def test_correlate_equals_conv2d_of_one_channel(extra_h, extra_w, k_h, k_w):
    rng = torch.Generator().manual_seed(extra_h + 10 * k_h)
    x = torch.randn(k_h + extra_h - 1, k_w + extra_w - 1, generator=rng, dtype=torch.float64)
    weight = torch.randn(k_h, k_w, generator=rng, dtype=torch.float64)
    expected = F.conv2d(x[None, None], weight[None, None])[0, 0]
    torch.testing.assert_close(chapter.correlate(x, weight), expected, rtol=1e-12, atol=1e-12)


def test_a_kernel_that_does_not_fit_or_cover_the_channels_is_refused():
    x = torch.zeros(1, 2, 5, 5)
    with pytest.raises(ValueError, match="reaches over 7 pixels, but the padded image has 5"):
        chapter.conv2d(x, torch.zeros(1, 2, 3, 3), dilation=3)
    with pytest.raises(ValueError, match="x has 2 channels, but the kernels cover 3"):
        chapter.conv2d(x, torch.zeros(1, 3, 3, 3))


def test_the_module_starts_like_torch():
    torch.manual_seed(0)
    ours, theirs = chapter.Conv2d(3, 400, 5), nn.Conv2d(3, 400, 5)
    bound = (3 * 25) ** -0.5
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.shape == other.shape and 0.98 * bound < mine.abs().max() <= bound
        assert mine.std().item() == pytest.approx(other.std().item(), rel=0.1)


def test_the_net_equals_its_twin_on_torch_layers():
    torch.manual_seed(0)
    ours, theirs = chapter.CNN().double(), chapter.CNN(conv=nn.Conv2d).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    outputs = [model(x) for model in (ours, theirs)]
    torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-11)
    for output in outputs:
        output.square().sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-9, atol=1e-9)


class Half:
    """Stands for a Run: draws that leave an image where it is, u = 1/2 everywhere, or given ones."""

    def __init__(self, u=None):
        self.u = u

    def uniform(self, *shape):
        return torch.full(shape, 0.5) if self.u is None else self.u


def test_random_affine_in_the_middle_of_its_range_changes_nothing():
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(chapter.random_affine(x, Half()), x, rtol=1e-4, atol=1e-5)


def test_random_affine_moves_by_the_shift_that_it_says():
    x = torch.zeros(1, 1, 28, 28)
    x[0, 0, 10:14, 12:15] = 1
    u = torch.tensor([[0.5, 0.5, 0.5, 1.0, 0.5]])  # the whole shift to one side, nothing else
    moved = chapter.random_affine(x, Half(u), shift=4 / 14)
    torch.testing.assert_close(moved, x.roll(-4, 3), rtol=1e-3, atol=1e-4)


def test_nearest_neighbours_votes_and_breaks_ties_downwards():
    x_train = torch.tensor([[0.0], [1.0], [1.1], [5.0]])
    y_train = torch.tensor([7, 3, 3, 1])
    guess = chapter.nearest_neighbours(torch.tensor([[0.4], [4.0]]), x_train, y_train)
    assert guess.tolist() == [3, 3]
    assert chapter.nearest_neighbours(torch.tensor([[0.4]]), x_train, y_train, k=2).tolist() == [3]
