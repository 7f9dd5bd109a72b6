"""Tell an answer that is right but for one kind of case.

An exercise names the kinds that it has, as text: a line at the margin with a name and a condition on the
arguments in Python, below it what the learner is told.

    zero_eps: eps == 0
        An eps of 0 is a value like others: `eps or 1e-5` takes it for "not given".

`trait_of` looks for what any case may have.
"""

import itertools
import math
import re
import textwrap

import torch

# what many cases have by chance, a part of a kind's name
WEAK = ("longer_than_1", "unequal_sizes", "negative", "odd", "above_1")
HEAD = re.compile(r"([\w.-]+): (.+)")


def parse(text):
    """The kinds that a text describes, a list of (name, condition, what to tell)."""
    kinds = []
    for line in textwrap.dedent(text).splitlines():
        head = HEAD.fullmatch(line)
        if head:
            kinds.append((head[1], head[2], []))
        elif line.strip():
            kinds[-1][2].append(line.strip())
    return [(name, condition, " ".join(told)) for name, condition, told in kinds]


def holds(condition, arguments):
    """Whether a condition holds of a case, a dict from names to values."""
    return bool(eval(condition, {"torch": torch, "math": math}, dict(arguments)))


def kind_of(wrong, right, kinds):
    """The one kind of an exercise that all wrong cases are of; of the right ones few are, by luck.

    Args:
        wrong, right: lists of cases, each a dict of arguments.
        kinds: as of `parse`.
    Returns:
        (name, what to tell) or None.
    """
    for name, condition, told in kinds if wrong and right else ():
        of_it = [case for case in right if holds(condition, case)]
        if all(holds(condition, case) for case in wrong) and len(of_it) <= min(
            2 * len(wrong), len(right) / 2
        ):
            return name, told
    return None


def trait_of(wrong, right):
    """What all wrong cases have, and no right one; as `kind_of`, but for any exercise."""
    if not wrong or not right:
        return None
    always = set.intersection(*(set(_traits(case)) for case in wrong))
    never = set().union(*(_traits(case) for case in right))
    few = min(len(wrong), len(right)) < 3
    for name, words, told in _traits(wrong[0]):
        weak = name.startswith(WEAK) or name.endswith(WEAK)
        if (name, words, told) in always - never and not (few and weak):
            return name, f"Your function is right but for the cases in which {words}{told and ': '}{told}."
    return _largest(wrong, right)


def _traits(case):
    """What may be special about a case: triples (name, words, what to look for)."""
    for name, value in sorted(case.items(), key=lambda item: isinstance(item[1], torch.Tensor)):
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value == 0:
                yield f"zero_{name}", f"`{name}` is 0", f"`{name} or ...` takes a 0 for nothing"
            if value == 1:
                yield f"{name}_is_1", f"`{name}` is 1", ""
            if value < 0:
                yield f"negative_{name}", f"`{name}` is negative", ""
            if value > 1:
                yield f"{name}_above_1", f"`{name}` is above 1", ""
            if value % 2 == 1:
                yield f"odd_{name}", f"`{name}` is odd", ""
        elif isinstance(value, bool):
            yield f"{name}_is_{value}", f"`{name}` is {value}", ""
        elif isinstance(value, tuple | list):
            if not value:
                yield f"empty_{name}", f"`{name}` is empty", ""
            if len(value) == 2 and isinstance(value[0], int) and value[0] != value[1]:
                yield f"unequal_{name}", f"the two numbers of `{name}` differ", ""
        elif isinstance(value, torch.Tensor):
            yield from _traits_of_tensor(name, value)


def _traits_of_tensor(name, x):
    if x.dtype != torch.float64:
        yield f"{_type(x)}_{name}", f"`{name}` is {_type(x)}", ""
    for d, size in enumerate(x.shape):
        if size in (0, 1):
            yield f"{name}_of_size_{size}", f"axis {d} of `{name}` has size {size}", ""
        else:
            yield f"{name}_longer_than_1", f"axis {d} of `{name}` is longer than 1", ""
    for d, e in itertools.combinations(range(x.ndim), 2):
        if x.shape[d] != x.shape[e]:
            yield f"unequal_sizes_of_{name}", f"axes {d} and {e} of `{name}` have different sizes", ""
    if x.is_floating_point() and x.numel():
        if x.isinf().any():
            yield f"infinite_{name}", f"`{name}` holds an infinity", ""
        if (x < 0).any():
            yield f"negative_{name}", f"`{name}` holds a negative number", ""
        if (x == 0).all():
            yield f"zero_{name}", f"`{name}` is 0 everywhere", ""
        elif (x == 0).any():
            yield f"zero_in_{name}", f"`{name}` holds a 0", ""
        if x.numel() > 1 and x.unique().numel() < x.numel():
            yield f"equal_values_in_{name}", f"`{name}` holds equal values", ""


def _type(x):
    return str(x.dtype).removeprefix("torch.")


def _largest(wrong, right):
    """What all wrong cases have much more of than all right ones."""
    for name, value in wrong[0].items():
        for words, told, measure in _measures(name, value):
            low, sizes = min(map(measure, wrong)), {*map(measure, right)}
            high = max(sizes)
            if low >= 4 * high > 0 and len(sizes) > 2:
                return (
                    f"large_{name}",
                    f"Your function is right but for the cases with {words} {told}".format(low, high),
                )
    return None


def _magnitude(x):
    finite = x[x.isfinite()]
    return finite.abs().max().item() if finite.numel() else 0.0


def _measures(name, value):
    """Yield (words with a place for the numbers, what to look for, function of a case)."""
    if isinstance(value, torch.Tensor):
        if value.is_floating_point():
            told = (
                "Is a number there that stands for infinity, or does something overflow or lose its digits?"
            )
            words = f"numbers in `{name}` of {{:.3g}} and more (up to {{:.3g}} all is right)."
            yield words, told, lambda case: _magnitude(case[name])
        for d in range(value.ndim):
            told = "Is there a limit on a size?"
            words = f"a `{name}.shape[{d}]` of {{}} and more (up to {{}} all is right)."
            yield words, told, lambda case, d=d: case[name].shape[d] if case[name].ndim > d else 0
    elif isinstance(value, int | float) and not isinstance(value, bool):
        words, told = f"a `{name}` of {{:.3g}} and more (up to {{:.3g}} all is right).", "Is there a limit?"
        yield words, told, lambda case: abs(case[name])
    elif isinstance(value, tuple | list):
        words, told = f"{{}} items and more in `{name}` (up to {{}} all is right).", "Is there a limit?"
        yield words, told, lambda case: len(case[name])
