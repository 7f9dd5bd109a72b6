"""Chapter 3's attention, normalisation and layers against PyTorch's, forward and backward."""

import torch
import torch.nn.functional as F
from torch import nn

from course import chapters
from tests.benchmarks.measure import Pair, compare, work

TITLE = "Chapter 3, attention"
BATCH, HEADS, STEPS, D_K = 32, 4, 64, 32
D_MODEL = HEADS * D_K
LAYER = {"dropout": 0.0, "batch_first": True, "norm_first": True}


def fused(chapter):
    """The chapter's MultiHeadAttention with PyTorch's kernel where the chapter writes attention out."""

    class FusedAttention(chapter.MultiHeadAttention):
        def forward(self, x, memory=None, mask=None):
            parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
            q, k, v = (chapter.split_heads(part, self.n_h) for part in parts)
            return self.out_proj(chapter.merge_heads(F.scaled_dot_product_attention(q, k, v, is_causal=True)))

    return FusedAttention(D_MODEL, HEADS)


def draw(*shape):
    return torch.randn(*shape, requires_grad=True)


def module_pairs(chapter):
    """Name, our module, its inputs, PyTorch's, its inputs, bar and aim; x is the same on both sides."""
    x, memory, causal = draw(BATCH, STEPS, D_MODEL), draw(BATCH, STEPS, D_MODEL), chapter.causal_mask(STEPS)
    sizes = D_MODEL, HEADS, 4 * D_MODEL
    ours = chapter.MultiHeadAttention(D_MODEL, HEADS)
    yield "MultiHeadAttention / with F.sdpa, causal", ours, (x, None, causal), fused(chapter), (x,), 1.3, 1.1
    yield "LayerNorm / nn.LayerNorm", chapter.LayerNorm(D_MODEL), (x,), nn.LayerNorm(D_MODEL), (x,)
    theirs = nn.TransformerEncoderLayer(*sizes, **LAYER)
    name = "EncoderLayer / nn.TransformerEncoderLayer"
    yield name, chapter.EncoderLayer(*sizes), (x, causal), theirs, (x, ~causal)
    theirs = nn.TransformerDecoderLayer(*sizes, **LAYER)
    name = "DecoderLayer / nn.TransformerDecoderLayer"
    yield name, chapter.DecoderLayer(*sizes), (x, memory, causal), theirs, (x, memory, ~causal)


def pairs(chapter):
    """The function, then the modules with equal weights."""
    q, k, v = (draw(BATCH, HEADS, STEPS, D_K) for _ in range(3))
    theirs = work(F.scaled_dot_product_attention, q, k, v)
    yield Pair("attention / F.sdpa, no mask", work(chapter.attention, q, k, v), theirs)
    for name, ours, our_inputs, theirs, their_inputs, *limits in module_pairs(chapter):
        theirs.load_state_dict(ours.state_dict())
        sides = work(ours, *our_inputs), work(theirs, *their_inputs)
        yield Pair(name, *sides, *limits, tolerance=1e-3)


def rows(quick):
    """Yield the rows of the bench driver."""
    torch.manual_seed(0)
    yield from compare(pairs(chapters.load_definitions("03_attention")), quick)
