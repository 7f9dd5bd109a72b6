"""The one comparator: of an exercise's answers, and of two functions of a chapter with all their gradients.

Equal means: the same structure, shapes and types, NaN and infinities in the same places, whole numbers equal,
and floats within TOLERANCES.
"""

import math
from itertools import starmap

import torch

# (relative, absolute) by type; the absolute one is times max(1, largest expected magnitude)
TOLERANCES = {
    torch.float64: (1e-9, 1e-11),
    torch.complex128: (1e-9, 1e-11),
    torch.float32: (1e-4, 1e-5),
    torch.complex64: (1e-4, 1e-5),
    torch.bfloat16: (2e-2, 2e-2),
    torch.float16: (2e-3, 2e-3),
}
SHOWN = 16  # elements: a larger tensor is shown by its shape
LITTLE = 1e-2  # relative: a number that is further off is not called right to some digits
NAMED = 7  # gradients that the line of `check_agreement` lists by name


def close(expected, got):
    """Where two tensors of one shape agree, element by element, a bool tensor."""
    if not (expected.is_floating_point() or expected.is_complex()):
        return expected == got
    relative, absolute = TOLERANCES.get(expected.dtype, (0.0, 0.0))
    finite = expected[expected.isfinite()].abs()
    scale = max(1.0, float(finite.max())) if finite.numel() else 1.0
    return torch.isclose(got, expected, rtol=relative, atol=absolute * scale, equal_nan=True)


def gradients(outputs, inputs):
    """The gradients of a weighted sum of all outputs' elements with respect to each input.

    The weights, sin(1), sin(2), ..., tell one output element's gradient from another's.

    Args:
        outputs: list of floating-point tensors; those that depend on no input are passed over.
        inputs: list of tensors that require gradients.
    Returns:
        tuple with a tensor for each input, or None where no gradient reaches it.
    """
    outputs = [out for out in outputs if out.requires_grad]
    if not outputs:
        return (None,) * len(inputs)
    counts = [torch.arange(1, out.numel() + 1, dtype=torch.float64, device=out.device) for out in outputs]
    weights = [c.sin().to(out.dtype).reshape(out.shape) for c, out in zip(counts, outputs, strict=True)]
    # One number: a gradient with weights given to autograd imports some 480 modules at first.
    with torch.enable_grad():
        total = sum((weight * out).sum().double() for weight, out in zip(weights, outputs, strict=True))
    return torch.autograd.grad(total, inputs, allow_unused=True)


def tensors_in(value):
    """The tensors of a value, one after the other: of a tensor itself, of (nested) tuples and lists."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for item in value for t in tensors_in(item)] if isinstance(value, tuple | list) else []


# --- two functions of a chapter


def check_agreement(ours, reference, *, label=None, **arguments):
    """Call two functions with the same arguments; compare their outputs and all gradients in float64.

    Args:
        ours, reference: functions of the keyword arguments, each returning a floating-point tensor, or a
            (nested) tuple of them, such as (outputs, final state).
        label: what is compared, for the printed line; default the functions' names.
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
            shapes = f"{tuple(got.shape)}, expected {tuple(expected.shape)}"
            raise AssertionError(f"{label}: {name} has shape {shapes}.")
        if expected.isnan().any() or not close(expected, got).all():
            worst = (got - expected).abs().max().item()
            raise AssertionError(f"{label}: {name} differs by up to {worst:.1e}.")
    _say_agreement(label, wanted)


def _say_agreement(label, wanted):
    slopes = [name.removeprefix("gradient of ") for name in wanted if name.startswith("gradient")]
    if len(slopes) > NAMED:
        slopes[NAMED - 2 :] = [f"{len(slopes) - NAMED + 2} more"]
    outputs = [value.shape for name, value in wanted.items() if name.startswith("output")]
    shapes = ", ".join(" × ".join(map(str, shape)) or "a number" for shape in outputs)
    what = "output" if len(outputs) == 1 else "outputs"
    print(f"{label}: {what} ({shapes}) and gradients of {', '.join(slopes)} agree")


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
    outputs = tensors_in(function(**leaves))
    names = ["output"] if len(outputs) == 1 else [f"output {i}" for i in range(1, len(outputs) + 1)]
    named = {name: output.detach().double() for name, output in zip(names, outputs, strict=True)}
    slopes = gradients(outputs, list(inputs.values()))
    return named | {
        f"gradient of {name}": torch.zeros_like(value) if slope is None else slope
        for (name, value), slope in zip(inputs.items(), slopes, strict=True)
    }


# --- what a learner's function returned


def difference(expected, got, arguments, *, gradients=True):
    """How one outcome differs from the expected one.

    Args:
        expected, got: Outcome of the reference (or of a misconception) and of the learner's function.
        arguments: dict from names to values, what both were called with.
        gradients: False compares the returned values alone.
    Returns:
        None where they are equal; else (diagnosis, sentence).
    """
    if got.kind != "value" or expected.kind != "value":
        if (expected.kind, expected.error) == (got.kind, got.error):
            return None
        return ("raised" if got.kind == "error" else got.kind), _sentence(got)
    found = _difference(expected.value, got.value, "the output", arguments)
    if found or not gradients or not expected.gradients:
        return found
    names = [leaf for name, given in arguments.items() for leaf in leaves(name, given)]
    slopes = zip(names, expected.gradients, got.gradients, strict=True)
    return next(filter(None, starmap(_gradient_difference, slopes)), None)


def leaves(name, given):
    """The names of an argument's floating-point tensors, whose gradients are compared."""
    if isinstance(given, torch.Tensor):
        return [name] if given.is_floating_point() else []
    if isinstance(given, tuple | list):
        return [leaf for i, item in enumerate(given) for leaf in leaves(f"{name}[{i}]", item)]
    if isinstance(given, dict):
        return [leaf for key, item in given.items() for leaf in leaves(f"{name}[{key!r}]", item)]
    return []


def _sentence(got):
    text = got.text or "returned a value where an exception belongs"
    return f"Your function {text}" + ("" if text.endswith(("?", "\n")) or "\n" in text else ".")


def _difference(expected, got, what, arguments):
    if got[0] != expected[0]:
        diagnosis = "returned_none" if got[0] == "none" else "wrong_type"
        return (
            diagnosis,
            f"Expected {_kind(expected)} as {what}, got {_kind(got)}.{_kind_cure(expected, got)}",
        )
    if expected[0] == "tensor":
        return _tensor_difference(expected[1], got[1], what, arguments)
    if expected[0] == "number":
        return _number_difference(expected[1], got[1], what)
    if expected[0] == "sequence":
        if len(expected) != len(got):
            return "wrong_type", f"Expected {_kind(expected)} as {what}, got {_kind(got)}."
        pairs = enumerate(zip(expected[1:], got[1:], strict=True), 1)
        parts = (_difference(*pair, f"value {i} of {what}", arguments) for i, pair in pairs)
        return next(filter(None, parts), None)
    if expected == got:
        return None
    return "wrong_values", f"{what.capitalize()} is {got[1:]}, not {expected[1:]}."


def _kind(value):
    if value[0] == "sequence":
        return "one value in a tuple or list" if len(value) == 2 else f"{len(value) - 1} values"
    kinds = {"tensor": "a tensor", "number": "a number", "text": "a text", "none": "None"}
    return kinds[value[0]] if value[0] in kinds else value[1]


def _kind_cure(expected, got):
    if expected[0] == "number" and got[0] == "tensor" and got[1].numel() == 1:
        return " `.item()` makes a number of it."
    if expected[0] == "tensor" and got[0] == "number":
        return (
            " Stay with tensors, so that a gradient can flow: torch.sqrt, .sum(), not math.sqrt or .item()."
        )
    if got[0] == "sequence" and len(got) == 2:
        return " Is there a comma too many?"
    return ""


def _number_difference(expected, got, what):
    wanted, found = apart(expected, got)
    sentence = f"Expected {wanted} as {what}, got {found}"
    if isinstance(expected, int):
        if isinstance(got, float):
            return "wrong_values", f"{sentence}, a float where a whole number (int) belongs."
        right = got == expected
    else:
        right = close(*(torch.tensor(float(value), dtype=torch.float64) for value in (expected, got)))
    return None if right else ("wrong_values", f"{sentence}.")


def _tensor_difference(expected, got, what, arguments):
    if got.shape != expected.shape:
        shapes = f"Expected shape {tuple(expected.shape)}, got {tuple(got.shape)}"
        return "wrong_shape", f"{what.capitalize()} has the wrong shape. {shapes}."
    if got.dtype != expected.dtype:
        wanted, found = (str(tensor.dtype).removeprefix("torch.") for tensor in (expected, got))
        cure = _type_cure(expected.dtype, arguments)
        return "wrong_dtype", f"{what.capitalize()} has the type {found}, expected {wanted}: {cure}."
    right = close(expected, got)
    if right.all():
        return None
    return "wrong_values", f"{what.capitalize()} has wrong values. {_where(expected, got, right)}"


def _type_cure(dtype, arguments):
    """How to come to a type: from an argument that has it here, if there is one."""
    if dtype == torch.bool:
        return "a comparison gives bool, True and False"
    for name, given in arguments.items():
        if isinstance(given, torch.Tensor) and given.dtype == dtype:
            return f"give new tensors the type of `{name}`, dtype={name}.dtype"
    return f"make new tensors with dtype={dtype}"


def _where(expected, got, right):
    wanted, found = show(expected), show(got)
    if expected.numel() <= SHOWN and wanted != found:
        return f"Expected {wanted}, got {found}."
    position = tuple((~right).nonzero()[0].tolist())
    wanted, found = apart(expected[position].item(), got[position].item())
    if not position:
        return f"Expected {wanted}, got {found}."
    first = f"at {list(position)} expected {wanted}, got {found}"
    return f"{int((~right).sum())} of {right.numel()} elements differ; the first: {first}."


def _gradient_difference(name, expected, got):
    if expected is None:
        if got is None or not got.any():
            return None
        told = f"The values are right, but a gradient flows into {name}, and none should"
        return "not_detached", f"{told}. Take {name}.detach() where it is used as a constant."
    if got is None:
        if not expected.any():
            return None
        told = f"The values are right, but no gradient reaches {name}: the output is cut off from it"
        return "detached", f"{told}. Compute with tensors throughout: no .item(), .numpy() or .detach()."
    if (got.isnan() & ~expected.isnan()).any():
        told = f"The values are right, but the gradient with respect to {name} is NaN: 0 times infinity"
        cause = "an exponential overflows, or a root meets 0; torch.where hides a bad value, not its slope"
        return "nan_gradient", f"{told}, since {cause}. Change the input before the bad step."
    found = _tensor_difference(expected, got, f"the gradient with respect to {name}", {})
    return found and ("wrong_gradient", f"The values are right, but {found[1][0].lower()}{found[1][1:]}")


def is_finite(value):
    """False where an `Outcome.value` holds an infinity or a NaN."""
    if value[0] == "sequence":
        return all(map(is_finite, value[1:]))
    return value[0] not in ("tensor", "number") or bool(torch.as_tensor(value[1]).isfinite().all())


def digits(expected, got):
    """To how many digits an `Outcome.value` is right in float64; infinite where it is equal."""
    if expected[0] == got[0] == "sequence":
        return min(map(digits, expected[1:], got[1:]), default=math.inf)
    if expected[0] != got[0] or expected[0] not in ("tensor", "number"):
        return math.inf if expected == got else 0.0
    expected, got = (value[1] for value in (expected, got))
    if isinstance(expected, float):
        expected, got = (torch.tensor(value, dtype=torch.float64) for value in (expected, got))
    elif isinstance(expected, int):
        return math.inf if expected == got else 0.0
    if expected.shape != got.shape or expected.dtype != got.dtype:
        return 0.0
    right = close(expected, got)
    if right.all():
        return math.inf
    if expected.dtype != torch.float64 or not torch.equal(expected.isfinite(), got.isfinite()):
        return 0.0
    finite = expected.isfinite()
    errors, sizes = (got - expected)[finite].abs(), expected[finite].abs()
    if (errors > LITTLE * sizes)[~right[finite]].any():
        return 0.0  # some number is another one altogether
    error = errors.max().item() / (sizes.max().item() or 1.0)
    return -math.log10(error) if error else math.inf


def number(value):
    """A number in at most four significant digits; 0 without a sign."""
    return str(value) if isinstance(value, int | complex) else f"{value or 0.0:.4g}"


def apart(expected, got):
    """Two numbers as texts, with as many more digits as it takes to tell them apart."""
    texts = number(expected), number(got)
    for digits in (6, 9, 12, 17):
        if texts[0] == texts[1] and isinstance(expected, float) and isinstance(got, float):
            texts = f"{expected:.{digits}g}", f"{got:.{digits}g}"
    return texts


def show(value):
    """A case's argument in one short line: small tensors as nested lists, larger ones by shape and type.

    Of a small one the type is named where it is neither float64 nor plain from the numbers.
    """
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        if value.numel() > SHOWN:
            return f"tensor of shape {tuple(value.shape)}, {kind}"
        plain = show(value.detach().tolist())
        unusual = value.dtype not in (torch.float64, torch.int64, torch.bool)
        return f"{plain} ({kind})" if unusual else plain
    if isinstance(value, list | tuple):
        inner = ", ".join(show(item) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    return number(value) if isinstance(value, float) else repr(value)
