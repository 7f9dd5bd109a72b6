"""What learners do to an argument or to an output beside what is right: negate it, take its sum, move it.

Each change is a triple: a name, words with a place for what is changed, and a function.
"""

import itertools
import math

import torch

COMMON = (0.0, 1.0, 0.5, 0.1, 0.9, 0.99, 0.01, 1e-3, 1e-5, 1e-6, 1e-8)  # values that others give a number

ELEMENTWISE = (
    ("negative", "the negative of {}", lambda x: -x),
    ("square", "the square of {}", lambda x: x * x),
    ("root", "the square root of {}", lambda x: x**0.5),
    (
        "exponential",
        "the exponential of {}",
        lambda x: x.exp() if isinstance(x, torch.Tensor) else math.exp(x),
    ),
    ("logarithm", "the logarithm of {}", lambda x: x.log() if isinstance(x, torch.Tensor) else math.log(x)),
    ("complement", "1 minus {}", lambda x: 1 - x),
    ("reciprocal", "1 over {}", lambda x: 1 / x),
    ("double", "twice {}", lambda x: 2 * x),
    ("half", "half of {}", lambda x: x / 2),
    ("magnitude", "the absolute value of {}", abs),
)
OUTPUT_ONLY = (
    ("clamped", "{}, or 0 where that is negative", lambda x: torch.clamp(torch.as_tensor(x), min=0)),
    ("sigmoid", "the sigmoid of {}", lambda x: torch.sigmoid(torch.as_tensor(x))),
    ("tanh", "the tanh of {}", lambda x: torch.tanh(torch.as_tensor(x))),
    ("bits", "{} in bits for nats", lambda x: x / math.log(2)),
    *(
        (f"rounded_{n}", f"{{}} rounded to {n} places behind the point", lambda x, n=n: _rounded(x, n))
        for n in range(7)
    ),
    ("nats", "{} in nats for bits", lambda x: x * math.log(2)),
)


def _rounded(x, places):
    return torch.round(x, decimals=places) if isinstance(x, torch.Tensor) else round(x, places)


def _axes(tensor):
    """Changes along each axis of a tensor, (name, words, function)."""
    for d in range(tensor.ndim):
        if tensor.shape[d] == 1:
            yield f"squeezed_{d}", f"{{}} without axis {d}", lambda x, d=d: x.squeeze(d)
        yield f"sum_{d}", f"the sum over axis {d} of {{}}", lambda x, d=d: x.sum(d)
        yield f"mean_{d}", f"the mean over axis {d} of {{}}", lambda x, d=d: x.mean(d)
        yield f"sum_{d}", f"the sum (axis kept) over axis {d} of {{}}", lambda x, d=d: x.sum(d, keepdim=True)
        yield (
            f"mean_{d}",
            f"the mean (axis kept) over axis {d} of {{}}",
            lambda x, d=d: x.mean(d, keepdim=True),
        )
        yield f"first_{d}", f"the first along axis {d} of {{}}", lambda x, d=d: x.select(d, 0)
        yield f"last_{d}", f"the last along axis {d} of {{}}", lambda x, d=d: x.select(d, -1)
        yield (
            f"all_{d}",
            f"the first of {{}} along axis {d}, for all",
            lambda x, d=d: x.narrow(d, 0, 1).expand_as(x),
        )
        yield f"flipped_{d}", f"{{}} reversed along axis {d}", lambda x, d=d: x.flip(d)
        yield f"later_{d}", f"{{}} moved on by one along axis {d}", lambda x, d=d: x.roll(1, d)
        yield f"earlier_{d}", f"{{}} moved back by one along axis {d}", lambda x, d=d: x.roll(-1, d)
        yield f"running_{d}", f"the running sum along axis {d} of {{}}", lambda x, d=d: x.cumsum(d)
        yield f"softmax_{d}", f"the softmax over axis {d} of {{}}", lambda x, d=d: x.softmax(d)
    for d, e in itertools.combinations(range(tensor.ndim), 2):
        yield (
            f"transposed_{d}_{e}",
            f"{{}} with axes {d} and {e} swapped",
            lambda x, d=d, e=e: x.transpose(d, e),
        )
    for d in range(tensor.ndim + 1):
        yield f"axis_{d}", f"{{}} with an axis of size 1 at {d}", lambda x, d=d: x.unsqueeze(d)
    if tensor.ndim > 1:
        yield "sum", "the sum of all elements of {}", lambda x: x.sum()
        yield "mean", "the mean of all elements of {}", lambda x: x.mean()
        yield "flat", "{} flattened", lambda x: x.flatten()


def of_arguments(names, case):
    """Yield what may be done to the arguments of a case, (name, words, function of a case)."""
    for i, (name, given) in enumerate(zip(names, case, strict=True)):
        for label, words, change in _of_argument(name, given):
            yield label, words, lambda case, i=i, change=change: (*case[:i], change(case[i]), *case[i + 1 :])
    for i, j in itertools.combinations(range(len(case)), 2):
        if type(case[i]) is type(case[j]) and _kind(case[i]) == _kind(case[j]):

            def swapped(case, i=i, j=j):
                return (*case[:i], case[j], *case[i + 1 : j], case[i], *case[j + 1 :])

            yield f"{names[i]}_and_{names[j]}_swapped", f"`{names[i]}` and `{names[j]}` are swapped", swapped


def _kind(given):
    return (given.dtype, given.ndim) if isinstance(given, torch.Tensor) else None


def _for(words, name):
    return f"`{name}` is replaced by {words.format(f'`{name}`')}"


def _of_argument(name, given):
    if isinstance(given, bool):
        yield f"not_{name}", f"`{name}` is True for False", lambda value: not value
    elif isinstance(given, int | float):
        for value in (0, 1) if isinstance(given, int) else COMMON:
            yield f"{name}_{value}", f"`{name}` is always {value}", lambda _, value=value: type(given)(value)
        if isinstance(given, int):
            yield f"{name}_plus_1", f"`{name}` is one more", lambda value: value + 1
            yield f"{name}_minus_1", f"`{name}` is one less", lambda value: value - 1
        else:
            for label, words, change in (*ELEMENTWISE, ("whole", "the whole part of {}", int)):
                yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, tuple) and len(given) == 2 and all(isinstance(v, int) for v in given):
        yield f"{name}_reversed", f"the two numbers of `{name}` are swapped", lambda pair: pair[::-1]
        yield f"{name}_first_twice", f"`{name}[0]` is used twice", lambda pair: (pair[0], pair[0])
        yield f"{name}_last_twice", f"`{name}[1]` is used twice", lambda pair: (pair[1], pair[1])
    elif isinstance(given, torch.Tensor) and given.dtype == torch.bool:
        yield f"{name}_inverted", f"`{name}` is inverted", torch.logical_not
        yield f"{name}_ignored", f"`{name}` is True everywhere", torch.ones_like
        for label, words, change in _axes(given):
            if label.partition("_")[0] in ("flipped", "all", "transposed"):
                yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, torch.Tensor) and given.is_floating_point():
        yield f"{name}_detached", f"`{name}` is detached", torch.Tensor.detach
        yield f"{name}_zero", f"`{name}` is 0 everywhere", torch.zeros_like
        yield f"{name}_one", f"`{name}` is 1 everywhere", torch.ones_like
        for label, words, change in (*ELEMENTWISE, *_axes(given)):
            yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, torch.Tensor):
        yield f"{name}_plus_1", f"`{name}` is one more", lambda x: x + 1
        yield f"{name}_minus_1", f"`{name}` is one less", lambda x: x - 1
        for label, words, change in _axes(given):
            if label.partition("_")[0] in ("flipped", "all", "later", "earlier"):
                yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, tuple | list):
        yield f"{name}_reversed", f"`{name}` is reversed", lambda items: items[::-1]
        yield f"{name}_without_its_first", f"the first of `{name}` is left out", lambda items: items[1:]
        yield f"{name}_without_its_last", f"the last of `{name}` is left out", lambda items: items[:-1]


def of_output(value):
    """Yield what may be done to a returned value, (name, words, function)."""
    if isinstance(value, tuple | list):
        if len(value) == 2:
            yield "items_swapped", "{} with its two items swapped", lambda pair: pair[::-1]
        for i, item in enumerate(value[:4]):
            for name, words, change in of_output(item) if not isinstance(item, tuple | list) else ():

                def one(items, i=i, change=change):
                    return [change(item) if k == i else item for k, item in enumerate(items)]

                yield f"{name}_item_{i + 1}", words.format(f"value {i + 1} of {{}}"), one
    elif isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        yield "inverted", "the negation of {}", torch.logical_not
        yield from (
            part for part in _axes(value) if part[0].startswith(("flip", "later", "earlier", "trans"))
        )
    elif isinstance(value, torch.Tensor) and value.is_floating_point():
        yield from (*ELEMENTWISE, *OUTPUT_ONLY, *_axes(value))
    elif isinstance(value, torch.Tensor):
        yield "plus_1", "1 more than {}", lambda x: x + 1
        yield "minus_1", "1 less than {}", lambda x: x - 1
    elif isinstance(value, int) and not isinstance(value, bool):
        yield "plus_1", "1 more than {}", lambda x: x + 1
        yield "minus_1", "1 less than {}", lambda x: x - 1
        yield "double", "twice {}", lambda x: 2 * x
    elif isinstance(value, float):
        yield from ELEMENTWISE
