"""What chapters build by hand against PyTorch's: a forward and a backward pass."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from course import chapters
from tools.bench.measure import compare, crash


class SelfAttention(nn.MultiheadAttention):
    """PyTorch's layer, called as the chapter's."""

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)


@dataclass(frozen=True)
class Pair:
    """A function or layer of a chapter, and what it is measured against.

    Args:
        chapter: its number.
        ours: the name of the chapter's function or class.
        theirs: PyTorch's function or class, or the name of one that the chapter puts together from it.
        inputs: a tuple of whole numbers is the shape of a tensor to be drawn; anything else goes as it is.
        sizes: what both classes are built with. The weights are copied.
        settings: further keywords of PyTorch's class.
        bar: how many times as long ours may take.
    """

    chapter: str
    ours: str
    theirs: object
    inputs: tuple
    sizes: tuple = ()
    settings: dict = field(default_factory=dict)
    bar: float | None = None


N, LABELS = (2048,), torch.arange(2048) % 10
PIXELS = (torch.arange(100 * 784) % 2.0).reshape(100, 784)
CONVOLUTION = (64, 16, 12, 12), (32, 16, 5, 5), (32,)
IMAGES, SEQUENCES, TOKENS = (64, 16, 24, 24), (64, 100, 128), (32, 64, 128)
HEADS, CODES = (32, 4, 64, 32), (100, 20)
BATCH_FIRST = {"batch_first": True}
ENCODER = {"batch_first": True, "norm_first": True, "dropout": 0.0}
PAIRS = (
    Pair("00", "mse", F.mse_loss, (N, N)),
    Pair("00", "mae", F.l1_loss, (N, N)),
    Pair("00", "huber", F.huber_loss, (N, N)),
    Pair("00", "cross_entropy", F.cross_entropy, ((2048, 10), LABELS)),
    Pair("01", "conv2d_by_hand", F.conv2d, CONVOLUTION, bar=5),
    Pair("01", "conv2d", F.conv2d, CONVOLUTION, bar=5),
    Pair("01", "max_pool2d", F.max_pool2d, (IMAGES, 2)),
    Pair("01", "avg_pool2d", F.avg_pool2d, (IMAGES, 2)),
    Pair("01", "Linear", nn.Linear, ((64, 512),), sizes=(512, 64)),
    Pair("02", "RNN", nn.RNN, (SEQUENCES,), sizes=(128, 128), settings=BATCH_FIRST),
    Pair("02", "LSTM", nn.LSTM, (SEQUENCES,), sizes=(128, 128), settings=BATCH_FIRST, bar=2),
    Pair("02", "GRU", nn.GRU, (SEQUENCES,), sizes=(128, 128), settings=BATCH_FIRST),
    Pair("03", "attention", F.scaled_dot_product_attention, (HEADS, HEADS, HEADS)),
    Pair("03", "MultiHeadAttention", SelfAttention, (TOKENS,), (128, 4), BATCH_FIRST, bar=1.3),
    Pair("03", "LayerNorm", nn.LayerNorm, (TOKENS,), sizes=(128,)),
    Pair("03", "EncoderLayer", nn.TransformerEncoderLayer, (TOKENS,), (128, 4, 512), ENCODER),
    Pair("04", "gaussian_kl", "pytorch_kl", (CODES, CODES)),
    Pair("04", "log_normal", "pytorch_log_normal", (CODES, CODES, CODES)),
    Pair("04", "bernoulli_log_likelihood", "pytorch_log_likelihood", (PIXELS, (100, 784))),
)


def sides_of(pair):
    """The two functions of no arguments that `compare` times, on the same inputs and weights."""
    chapter = chapters.load_definitions(pair.chapter)
    ours = getattr(chapter, pair.ours)
    theirs = getattr(chapter, pair.theirs) if isinstance(pair.theirs, str) else pair.theirs
    if isinstance(ours, type):
        ours, theirs = ours(*pair.sizes), theirs(*pair.sizes, **pair.settings)
        theirs.load_state_dict(ours.state_dict())
    inputs = [
        torch.randn(each, requires_grad=True) if isinstance(each, tuple) else each for each in pair.inputs
    ]
    return forward_and_backward(ours, inputs), forward_and_backward(theirs, inputs)


def forward_and_backward(function, inputs):
    """A function of no arguments that returns the output, the first of a tuple, and then the gradients of
    inputs and weights, these in the order of their names, which both sides share.
    """
    named = dict(function.named_parameters()) if isinstance(function, nn.Module) else {}
    wanted = [part for part in inputs if isinstance(part, torch.Tensor) and part.requires_grad]
    wanted += [named[name] for name in sorted(named)]

    def forward():
        output = function(*inputs)
        return output[0] if isinstance(output, tuple) else output

    # Drawn again from one seed, so that both sides get the same.
    upstream = torch.randn(forward().shape, generator=torch.Generator().manual_seed(0))

    def run():
        output = forward()
        return [output, *torch.autograd.grad(output, wanted, upstream)]

    return run


def rows(quick):
    """Yield a row for each pair."""
    torch.manual_seed(0)
    for pair in PAIRS:
        name = f"{pair.chapter}, {pair.ours} / PyTorch's"
        try:
            yield compare(name, *sides_of(pair), quick, pair.bar)
        except Exception as error:  # a chapter may have changed: the other pairs are measured all the same
            yield crash(name, error)
