"""What the tests of chapter 3 share: its definitions, and modules whose every vector is drawn."""

import torch

from course.chapters import load_definitions

chapter = load_definitions("03_attention")
PAD, END = 0, 10  # of the tiny Transformer below


def tiny(seed=0, **settings):
    """A Transformer of 8 source and 11 target tokens, float64, its norms and biases drawn too."""
    torch.manual_seed(seed)
    how = {"d_model": 8, "n_h": 2, "d_ff": 12, "layers": (2, 2)} | settings
    model = chapter.Transformer(9, END + 1, **how).double()
    return jittered(model)


def jittered(module):
    """The module with every vector moved from where it starts, so that none of them can be left out."""
    with torch.no_grad():
        for p in module.parameters():
            if p.ndim == 1:
                p.add_(0.3 * torch.randn_like(p))
    return module
