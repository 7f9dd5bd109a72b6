"""Chapter 1's own layers against PyTorch, over random shapes."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course.chapters import load_definitions
from course.compare import check_agreement
from tests.helpers.tensors import check_modules

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


@pytest.mark.parametrize("name", ["conv2d", "conv2d_loops", "conv2d_by_hand"])
@given(convolutions())
def test_convolutions_equal_torch(name, case):
    check_agreement(getattr(chapter, name), F.conv2d, **case)


def test_conv2d_by_hand_without_the_inputs_gradient():
    case = chapter.random_case(2, 3, 6, 7, 4, 3, 2)
    x = case.pop("x")
    check_agreement(partial(chapter.conv2d_by_hand, x), partial(F.conv2d, x), **case)


@st.composite
def poolings(draw):
    """Arguments of a pooling whose window fits; padding at most half a window, as PyTorch asks."""
    pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
    kernel, stride = draw(pairs), draw(st.one_of(st.none(), pairs))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    h, w = (draw(st.integers(max(1, k - 2 * p), k + 6)) for k, p in zip(kernel, padding, strict=True))
    rng = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    x = torch.randn(draw(st.integers(1, 3)), draw(st.integers(1, 3)), h, w, generator=rng)
    return x, (kernel, stride, padding)


@given(poolings(), st.sampled_from(["max", "avg"]), st.sampled_from(["random", "ties", "negative"]))
def test_pooling_equals_torch(case, kind, values):
    x, settings = case
    x = {"random": x, "ties": x.round(), "negative": x - 9}[values]
    ours, theirs = getattr(chapter, f"{kind}_pool2d"), getattr(F, f"{kind}_pool2d")
    check_agreement(lambda x: ours(x, *settings), lambda x: theirs(x, *settings), x=x, label=kind)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
def test_linear_equals_torch(batch, d_in, d_out):
    check_modules(chapter.Linear(d_in, d_out), nn.Linear(d_in, d_out), x=torch.randn(batch, d_in))


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 4), st.integers(0, 4))
def test_convolution_matrix_computes_the_convolution(k_h, k_w, more_h, more_w):
    weight = torch.randn(k_h, k_w, dtype=torch.float64)
    x = torch.randn(k_h + more_h, k_w + more_w, dtype=torch.float64)
    matrix = chapter.convolution_matrix(weight, *x.shape)
    expected = F.conv2d(x[None, None], weight[None, None]).flatten()
    torch.testing.assert_close(matrix @ x.flatten(), expected, rtol=1e-9, atol=1e-9)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)), min_size=1, max_size=3))
def test_receptive_field_is_where_the_gradient_is_not_zero(layers):
    size, jump = chapter.receptive_field(layers)
    x = torch.ones(1, 1, 1, size + 2 * jump, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride, dilation in layers:
        y = F.conv2d(y, torch.ones(1, 1, 1, kernel, dtype=torch.float64), None, stride, 0, dilation)
    fields = [torch.autograd.grad(y[0, 0, 0, i], x, retain_graph=True)[0].nonzero()[:, 3] for i in (0, 1)]
    assert fields[0].max() - fields[0].min() + 1 == size
    assert fields[1].min() - fields[0].min() == jump


def test_the_errors_of_equivariance_are_seen():
    x = torch.randn(1, 1, 12, 12, dtype=torch.float64)
    assert chapter.equivariance_error(lambda x: x.square(), x, 3) == 0
    places = torch.arange(12.0, dtype=torch.float64)
    assert chapter.equivariance_error(lambda x: x * places, x, 1) > 0.1


def test_saliency_and_occlusion_of_a_net_that_reads_one_pixel():
    class OnePixel(nn.Module):
        def forward(self, x):
            return torch.stack([3 * x[:, 0, 10, 12], 0 * x[:, 0, 0, 0]], 1)

    x = torch.full((1, 1, 28, 28), 0.5)
    assert chapter.saliency(OnePixel(), x).nonzero().tolist() == [[0, 10, 12]]
    fall = chapter.occlusion(OnePixel(), x, block=6, stride=2)
    assert fall.shape == (12, 12) and fall.max().item() == pytest.approx(1.5)
    covering = [(top // 2, left // 2) for top in (6, 8, 10) for left in (8, 10, 12)]
    assert [tuple(place) for place in fall.nonzero().tolist()] == covering


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


@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5))
def test_correlate_equals_conv2d_of_one_channel(more_h, more_w, k_h, k_w):
    case = chapter.random_case(1, 1, k_h + more_h, k_w + more_w, 1, k_h, k_w)
    x, weight = case["x"], case["weight"]
    torch.testing.assert_close(chapter.correlate(x[0, 0], weight[0, 0]), F.conv2d(x, weight)[0, 0])


def test_a_kernel_that_does_not_fit_or_cover_the_channels_is_refused():
    x = torch.zeros(1, 2, 5, 5)
    with pytest.raises(ValueError, match="the kernel needs 7 pixels; the padded image has 5"):
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


def test_the_net_equals_that_of_torchs_layers():
    torch.manual_seed(0)
    theirs = chapter.CNN(nn.Conv2d, nn.MaxPool2d, nn.Linear)
    check_modules(chapter.CNN(), theirs, x=torch.rand(3, 1, 28, 28))


class Half:
    """Stands for a Run: draws that leave an image where it is, or given ones; a given bend."""

    def __init__(self, u=None, bend=0.0):
        self.u, self.bend = u, bend

    def uniform(self, *shape):
        return torch.full(shape, 0.5) if self.u is None else self.u

    def normal(self, *shape):
        return torch.full(shape, self.bend)


def test_distort_in_the_middle_of_its_range_changes_nothing():
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(chapter.distort(x, Half()), x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("how", ["shift", "bend"])
def test_distort_moves_by_what_it_says(how):
    x = torch.zeros(1, 1, 28, 28)
    x[0, 0, 10:14, 12:15] = 1
    u = torch.full((1, 6), 0.5)
    if how == "shift":
        u[0, 4] = 1.0  # the whole shift to one side, nothing else
        moved, expected = chapter.distort(x, Half(u), shift=4 / 14), x.roll(-4, 3)
    else:  # a bend that is the same everywhere is a shift
        moved, expected = chapter.distort(x, Half(u, bend=1.0), bend=2 / 14), x.roll((-2, -2), (2, 3))
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-4)


def test_distort_turns_about_the_middle():
    x = torch.zeros(1, 1, 29, 29)
    x[0, 0, 14, 20] = 1
    u = torch.full((1, 6), 0.5)
    u[0, 0] = 1.0
    turned = chapter.distort(x, Half(u), angle=torch.pi / 2)
    assert turned[0, 0].argmax().item() in (8 * 29 + 14, 20 * 29 + 14)


def test_clothes_are_flipped_and_moved_by_a_pixel_at_most():
    class Draws:
        def uniform(self, *shape):
            return torch.tensor([0.1, 0.9]).reshape(shape)  # the first is flipped

        def integers(self, high, *shape):
            assert high == 3
            return torch.tensor([[1, 1], [0, 2]])  # the second: rows by one down, columns by one left

    seen = []

    def model(x):
        seen.append(x)
        return torch.zeros(len(x), 10, requires_grad=True)

    x = torch.rand(2, 1, 28, 28)
    chapter.fashion_loss(model, (x, torch.zeros(2, dtype=torch.int64)), Draws())
    assert torch.equal(seen[0][0], x[0].flip(2))
    assert torch.equal(seen[0][1, :, 1:, :-1], x[1, :, :-1, 1:])


@pytest.mark.parametrize("change", chapter.VARIANTS)
def test_every_variant_of_the_ablation_gives_logits(change):
    assert chapter.variant(**chapter.VARIANTS[change])(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_nearest_neighbours_votes_and_breaks_ties_downwards():
    x_train = torch.tensor([[0.0], [1.0], [1.1], [5.0]])
    y_train = torch.tensor([7, 3, 3, 1])
    guess = chapter.nearest_neighbours(torch.tensor([[0.4], [4.0]]), x_train, y_train)
    assert guess.tolist() == [3, 3]
    assert chapter.nearest_neighbours(torch.tensor([[0.4]]), x_train, y_train, k=2).tolist() == [3]
