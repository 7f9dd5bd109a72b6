"""The cases of an exercise: a few by hand, awkward ones of given sizes, and random ones."""

import inspect

import torch

FLOATS = (torch.float32, torch.float64)
RANDOM = 5  # random cases in each check


def normal(rng, *shape, dtype=torch.float64, scale=1.0):
    """A normal tensor of standard deviation `scale`, seeded by a draw from a `random.Random`."""
    generator = torch.Generator().manual_seed(rng.getrandbits(63))
    return scale * torch.randn(shape, generator=generator, dtype=dtype)


def tensors(rng, shapes, dtype=torch.float64, **sizes):
    """Normal tensors: `tensors(rng, "HD H B1", H=3, D=2, B=4)` has the shapes (3, 2), (3,) and (4, 1)."""
    sizes["1"] = 1
    return [normal(rng, *(sizes[axis] for axis in shape), dtype=dtype) for shape in shapes.split()]


def by_hand(case):
    """A case as it is written, a tuple: (nested) lists of floats become float64 tensors."""
    return tuple(torch.tensor(v, dtype=torch.float64) if _is_floats(v) else v for v in case)


def _is_floats(value):
    return (
        isinstance(value, list) and all(isinstance(v, float) or _is_floats(v) for v in value) and value != []
    )


def draw_random(draw, spans, rng):
    """One random case.

    Args:
        draw: function (rng, **sizes) -> a case; one with an argument `dtype` gets float32 or float64.
        spans: dict of what each size is drawn from: a pair of whole numbers (both included) or of floats, a
            list to choose from, or a function of the rng; or a function (rng) -> dict of sizes.
        rng: random.Random.
    """
    if callable(spans):
        sizes = spans(rng)
    else:
        sizes = {name: _draw_size(span, rng) for name, span in spans.items()}
    if "dtype" in inspect.signature(draw).parameters:
        sizes.setdefault("dtype", rng.choice(FLOATS))
    return draw(rng, **sizes)


def _draw_size(span, rng):
    if callable(span):
        return span(rng)
    if isinstance(span, list):
        return rng.choice(span)
    low, high = span
    return rng.uniform(low, high) if isinstance(low, float) else rng.randint(low, high)
