"""Answers to `gan.average_weights`, written from its statement alone."""

import torch


def wrong_roles_swapped(average, weights, decay):
    """The decay multiplies the weights, not the average."""
    return [
        decay * w + (1 - decay) * a if w.is_floating_point() else w.clone() for a, w in zip(average, weights)
    ]


def wrong_counts_of_average(average, weights, decay):
    """Whole-number tensors are copied from the average."""
    return [
        decay * a + (1 - decay) * w if a.is_floating_point() else a.clone() for a, w in zip(average, weights)
    ]


def wrong_counts_not_copied(average, weights, decay):
    """Whole-number tensors are handed back themselves, not copies."""
    return [decay * a + (1 - decay) * w if w.is_floating_point() else w for a, w in zip(average, weights)]


def wrong_in_place(average, weights, decay):
    """The old average is overwritten and returned."""
    with torch.no_grad():
        for a, w in zip(average, weights):
            if a.is_floating_point():
                a.mul_(decay).add_(w, alpha=1 - decay)
            else:
                a.copy_(w)
    return list(average)


def wrong_everything_averaged(average, weights, decay):
    """Counts are averaged too, and cut to their type."""
    return [(decay * a + (1 - decay) * w).to(a.dtype) for a, w in zip(average, weights)]


def wrong_only_int64_copied(average, weights, decay):
    """Only int64 is taken for a count: int32 and bool become averages."""
    out = []
    for a, w in zip(average, weights):
        out.append(w.clone() if w.dtype == torch.int64 else decay * a + (1 - decay) * w)
    return out


def wrong_bias_corrected(average, weights, decay):
    """Divides by 1 - decay as Adam does after its first step."""
    out = []
    for a, w in zip(average, weights):
        if w.is_floating_point():
            out.append((decay * a + (1 - decay) * w) / max(1 - decay, 1e-12))
        else:
            out.append(w.clone())
    return out


def wrong_decay_or_default(average, weights, decay):
    """A decay of 0 is taken for not given."""
    decay = decay or 0.999
    return [
        decay * a + (1 - decay) * w if w.is_floating_point() else w.clone() for a, w in zip(average, weights)
    ]


def wrong_tensor_decay_promotes(average, weights, decay):
    """The decay is a float64 tensor: a float32 tensor of no dimension becomes float64."""
    decay = torch.tensor(decay, dtype=torch.float64)
    return [
        decay * a + (1 - decay) * w if w.is_floating_point() else w.clone() for a, w in zip(average, weights)
    ]


def wrong_half_not_averaged(average, weights, decay):
    """Only float32 and float64 count as floating-point: float16 and bfloat16 are copied."""
    out = []
    for a, w in zip(average, weights):
        if w.dtype in (torch.float32, torch.float64):
            out.append(a * decay + w * (1 - decay))
        else:
            out.append(w.clone())
    return out


def wrong_alias_at_decay_zero(average, weights, decay):
    """With decay 0 nothing is to be computed: hands back the weights themselves."""
    if decay == 0:
        return list(weights)
    return [
        decay * a + (1 - decay) * w if w.is_floating_point() else w.clone() for a, w in zip(average, weights)
    ]


def wrong_swapped_and_counts_dropped(average, weights, decay):
    """Roles swapped, and the counts are left out of the list."""
    return [decay * w + (1 - decay) * a for a, w in zip(average, weights) if w.is_floating_point()]


def right_comprehension(average, weights, decay):
    """The formula, without the graph."""
    with torch.no_grad():
        return [
            decay * a + (1 - decay) * w if w.is_floating_point() else w.clone()
            for a, w in zip(average, weights)
        ]


@torch.no_grad()
def right_lerp(average, weights, decay):
    """torch.lerp goes from the weights to the average."""
    out = []
    for a, w in zip(average, weights):
        out.append(torch.lerp(w, a, decay) if a.is_floating_point() else w.detach().clone())
    return out


def right_clone_then_in_place(average, weights, decay):
    """A copy of the average is changed in place."""
    out = []
    for a, w in zip(average, weights):
        if not torch.is_floating_point(a):
            out.append(torch.empty_like(w).copy_(w))
            continue
        new = a.detach().clone(memory_format=torch.contiguous_format)
        new.mul_(decay)
        new += w.detach() * (1 - decay)
        out.append(new)
    return out


def right_float64_inside(average, weights, decay):
    """Computed in float64, cast back."""
    out = []
    for old, new in zip(average, weights):
        old, new = old.detach(), new.detach()
        if new.dtype.is_floating_point:
            mixed = old.to(torch.float64) * decay + new.to(torch.float64) * (1.0 - decay)
            out.append(torch.empty(new.shape, dtype=new.dtype, device=new.device).copy_(mixed))
        else:
            out.append(torch.tensor(new.tolist(), dtype=new.dtype).reshape(new.shape))
    return out


def open_keeps_graph(average, weights, decay):
    """Open: where weights require a gradient, so does the average (new memory, right values)."""
    return [
        a * decay + w * (1 - decay) if a.is_floating_point() else w.clone() for a, w in zip(average, weights)
    ]


def open_difference_form(average, weights, decay):
    """Open: a + (1 - decay)(w - a) loses digits where w is far smaller than a and decay is 0."""
    with torch.no_grad():
        return [
            a + (1 - decay) * (w - a) if a.is_floating_point() else w.clone()
            for a, w in zip(average, weights)
        ]


def whole(t):
    """Whether a tensor holds whole numbers by type."""
    return not (t.is_floating_point() or t.is_complex())


def wrong_counts_shared(average, weights, decay):
    """Whole numbers are the tensors of the weights themselves, which go on counting."""
    return [w if whole(w) else decay * a + (1 - decay) * w for a, w in zip(average, weights)]


def wrong_only_int64(average, weights, decay):
    """Only int64 counts as whole: int32 and uint8 tensors are averaged."""
    return [
        w.clone() if w.dtype == torch.int64 else decay * a + (1 - decay) * w for a, w in zip(average, weights)
    ]
