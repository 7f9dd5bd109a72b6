"""Chapter 3's attention and encoder layer against PyTorch's, forward and backward, one and all threads."""

import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from course import chapters

ROUNDS = 15
BATCH, HEADS, STEPS, D_K = 32, 4, 64, 32


def fused(chapter):
    """The chapter's MultiHeadAttention with PyTorch's kernel where the chapter writes attention out."""

    class FusedAttention(chapter.MultiHeadAttention):
        def forward(self, x, memory=None, mask=None):
            parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
            q, k, v = (chapter.split_heads(part, self.n_h) for part in parts)
            return self.out_proj(chapter.merge_heads(F.scaled_dot_product_attention(q, k, v, is_causal=True)))

    return FusedAttention(HEADS * D_K, HEADS)


def seconds(module, inputs, upstream):
    """Wall-clock time of one forward and backward pass."""
    start = time.perf_counter()
    found = module(*inputs)
    (found[0] if isinstance(found, tuple) else found).backward(upstream)
    return time.perf_counter() - start


def pairs(chapter):
    """(name, ours, its inputs, theirs, its inputs, bar) with equal weights; x and the mask are the same."""
    d_model = HEADS * D_K
    x = torch.randn(BATCH, STEPS, d_model, requires_grad=True)
    causal = chapter.causal_mask(STEPS)
    ours, theirs = chapter.MultiHeadAttention(d_model, HEADS), fused(chapter)
    theirs.load_state_dict(ours.state_dict())
    yield "MultiHeadAttention / with F.sdpa", ours, (x, None, causal), theirs, (x,), "bar 1.3, aim 1.1"
    ours = chapter.EncoderLayer(d_model, HEADS, 4 * d_model)
    theirs = nn.TransformerEncoderLayer(
        d_model, HEADS, 4 * d_model, dropout=0.0, batch_first=True, norm_first=True
    )
    theirs.load_state_dict(ours.state_dict())
    yield "EncoderLayer / nn.TransformerEncoderLayer", ours, (x, causal), theirs, (x, ~causal), "no bar"


def check_same(ours, our_inputs, theirs, their_inputs):
    """Both sides of a ratio do the same work."""
    found, expected = ours(*our_inputs), theirs(*their_inputs)
    torch.testing.assert_close(
        found[0] if isinstance(found, tuple) else found, expected, rtol=1e-4, atol=1e-5
    )


def rows():
    """(name, value, bar) for the bench driver: medians of ratios taken within one round."""
    torch.manual_seed(0)
    chapter = chapters.load_definitions("03_attention")
    all_threads, found = torch.get_num_threads(), []
    upstream = torch.randn(BATCH, STEPS, HEADS * D_K)
    try:
        for name, ours, our_inputs, theirs, their_inputs, bar in pairs(chapter):
            check_same(ours, our_inputs, theirs, their_inputs)
            for threads in sorted({1, all_threads}):
                torch.set_num_threads(threads)
                sides = (ours, our_inputs), (theirs, their_inputs)
                for _ in range(3):
                    for side in sides:
                        seconds(*side, upstream)
                times = [[seconds(*side, upstream) for side in sides] for _ in range(ROUNDS)]
                ratio = statistics.median(mine / other for mine, other in times)
                found.append((f"{name}, {threads} thread{'s' * (threads > 1)}", ratio, bar))
    finally:
        torch.set_num_threads(all_threads)
    return found
