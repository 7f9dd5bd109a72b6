"""What the tests of chapter 4 share: its definitions, also for tiny images, and random VAEs."""

import torch

from course.chapters import load_definitions

chapter = load_definitions("04_vae")
small = load_definitions("04_vae", PIXELS=5)  # the same networks for images of five pixels


def gaussians(*shape, seed=0, names=("mu", "logvar")):
    """Standard normal tensors of these names, float64."""
    rng = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=rng, dtype=torch.float64) for name in names}


def random_vae(latents=2, seed=0, module=small, kind="VAE", hidden=4):
    """A VAE whose every weight and bias is drawn, float64."""
    torch.manual_seed(seed)
    model = getattr(module, kind)(latents, hidden=hidden).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.7 * torch.randn_like(p))
    return model
