"""Proof by number that two functions agree: in their outputs and in the gradient of every tensor input."""

import torch

RTOL, ATOL = 1e-9, 1e-11
NAMED = 7  # gradients that the printed line lists by name


def check_agreement(ours, reference, *, label=None, rtol=RTOL, atol=ATOL, **arguments):
    """Call two functions with the same arguments and compare their outputs and all gradients in float64.

    The gradients are those of Σ r·output over all outputs with one fixed random r, so that an error in any
    single element shows.

    Args:
        ours, reference: functions of the keyword arguments, each returning a floating-point tensor, or a
            (nested) tuple of them, such as (outputs, final state).
        label: what is compared, for the printed line; default the functions' names.
        rtol, atol: agreement means |a − b| ≤ atol·max(1, max|reference|) + rtol·|reference|, element by
            element.
        arguments: tensors (floating-point ones are copied to float64 and differentiated) or anything else.
    Raises:
        AssertionError: naming the first of shape, output and gradients that differs, and by how much.
    """
    label = label or f"{_name(ours)} = {_name(reference)}"
    wanted = _output_and_gradients(reference, arguments)
    found = _output_and_gradients(ours, arguments)
    if found.keys() != wanted.keys():
        raise AssertionError(f"{label}: there are {', '.join(found)}; expected {', '.join(wanted)}.")
    for name, expected in wanted.items():
        got = found[name]
        if got.shape != expected.shape:
            raise AssertionError(
                f"{label}: {name} has shape {tuple(got.shape)}, expected {tuple(expected.shape)}."
            )
        bound = atol * max(1.0, expected.abs().max().item()) + rtol * expected.abs()
        if not ((got - expected).abs() <= bound).all():  # also where either is NaN
            worst = (got - expected).abs().max().item()
            raise AssertionError(f"{label}: {name} differs by up to {worst:.1e}.")
    gradients = [name.removeprefix("gradient of ") for name in wanted if name.startswith("gradient")]
    if len(gradients) > NAMED:
        gradients[NAMED - 2 :] = [f"{len(gradients) - NAMED + 2} more"]
    shapes = [
        " × ".join(str(n) for n in value.shape) or "a number"
        for name, value in wanted.items()
        if name.startswith("output")
    ]
    what = "output" if len(shapes) == 1 else "outputs"
    print(f"{label}: {what} ({', '.join(shapes)}) and gradients of {', '.join(gradients)} agree")


def _name(function):
    """What to call a function; PyTorch's own often share their names with ours."""
    name = getattr(function, "__name__", type(function).__name__)
    owner = getattr(function, "__module__", None) or str(getattr(function, "__objclass__", "torch"))
    return f"PyTorch's {name}" if owner.split(".")[0] == "torch" else name


def _output_and_gradients(function, arguments):
    def leaf(value):
        differentiable = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.detach().double().clone().requires_grad_() if differentiable else value

    leaves = {name: leaf(value) for name, value in arguments.items()}
    inputs = {n: v for n, v in leaves.items() if isinstance(v, torch.Tensor) and v.requires_grad}
    outputs = list(_flat(function(**leaves)))
    rng = torch.Generator().manual_seed(0)
    weights = [torch.randn(output.shape, dtype=output.dtype, generator=rng) for output in outputs]
    total = sum((r.to(output.device) * output).sum() for r, output in zip(weights, outputs, strict=True))
    gradients = torch.autograd.grad(total, list(inputs.values()))
    names = ["output"] if len(outputs) == 1 else [f"output {i}" for i in range(1, len(outputs) + 1)]
    named = {name: output.detach() for name, output in zip(names, outputs, strict=True)}
    return named | {f"gradient of {name}": g for name, g in zip(inputs, gradients, strict=True)}


def _flat(outputs):
    """The tensors of an output, one after the other."""
    if isinstance(outputs, torch.Tensor):
        yield outputs
    else:
        for part in outputs:
            yield from _flat(part)
