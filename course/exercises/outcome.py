"""What one call of a function came to, as plain data that crosses a pipe."""

import dis
import inspect
import linecache
import numbers
import os
from dataclasses import dataclass, replace

import torch

from course.compare import gradients, tensors_in
from course.exercises import watch

PRINTED_BYTES = 2_000  # of what a function prints for one case; the rest is dropped
RAISE = dis.opmap["RAISE_VARARGS"]  # the instruction of a `raise` statement
LARGEST = 2**20  # elements of a returned tensor that is carried; a larger one is only described
LONGEST_NAME = 100  # characters of a type's name that are shown


@dataclass(frozen=True)
class Outcome:
    """What one call came to.

    Attributes:
        kind: "value", "error", "timeout" (the deadline passed) or "died" (the process did).
        value: the returned value as `portable` writes it.
        gradients: for each floating-point tensor argument a tensor, or None where no gradient reaches it.
        error: the exception's class name.
        text: the failure in words, for a learner.
        printed: the beginning of what the function printed.
        changed: positions of the arguments that the function changed in place.
        graded: positions of the arguments on which it left a gradient.
        shared: positions of the arguments whose memory the returned value shares.
        reused: (0,) where the call changed what the call before had returned.
        called: names of the watched functions that were called, see `watch`.
    """

    kind: str
    value: tuple = ("none",)
    gradients: tuple = ()
    error: str = ""
    text: str = ""
    printed: str = ""
    changed: tuple = ()
    graded: tuple = ()
    shared: tuple = ()
    reused: tuple = ()
    called: tuple = ()


def evaluate_all(function, cases, differentiate=False, forbidden=()):
    """Yield the Outcome of each case, see `evaluate`; it tells of calls that change the last one's result."""
    held = []
    for case in cases:
        outcome, value = _evaluate(function, case, differentiate, forbidden)
        if not all(_equal(copy, tensor) for tensor, copy in held):
            outcome = replace(outcome, reused=(0,))
        tensors = [_plain(tensor) for tensor in tensors_in(value) if _is_carried(tensor)]
        held = [(tensor, tensor.clone()) for tensor in tensors]
        yield outcome


def evaluate(function, case, differentiate=False, forbidden=()):
    """Call the function on a fresh copy of the case; an exception of any kind becomes an outcome.

    Args:
        function: called with the case's values as positional arguments.
        case: tuple of CPU tensors and plain Python values.
        differentiate: True takes the gradients with respect to each floating-point tensor argument, see
            `compare.gradients`.
        forbidden: patterns of functions that are watched, see `watch`.
    Returns:
        Outcome. PyTorch's CPU generator is seeded with 0 for the call and is left as it was.
    """
    return _evaluate(function, case, differentiate, forbidden)[0]


def _evaluate(function, case, differentiate, forbidden):
    """(Outcome, the returned value itself)."""
    state, process = torch.default_generator.get_state(), os.getpid()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            torch.default_generator.manual_seed(0)
            leaves, places, arguments = _copies(case, differentiate)
            with watch.calls(forbidden) as called:
                value = function(*arguments)
            left = [place for leaf, place in zip(leaves, places, strict=True) if leaf.grad is not None]
            slopes = _gradients(value, leaves) if differentiate else ()
            outcome = Outcome(
                "value",
                portable(value),
                slopes,
                changed=_changed(case, arguments),
                graded=_graded(arguments, left),
                shared=_shared(value, arguments),
                called=tuple(called),
            )
            return outcome, value
    except BaseException as error:  # SystemExit too: whatever a learner's function raises is a verdict
        outcome = Outcome("error", error=_kind(error, function), text=_describe_error(error, function))
        return outcome, None
    finally:
        if os.getpid() != process:  # the function forked, and this is the copy: one of them goes on
            os._exit(0)
        torch.default_generator.set_state(state)


def _copies(case, differentiate):
    """(leaves, the positions of their arguments, arguments): arguments are not leaves, since autograd forbids
    changing a leaf in place."""
    leaves, places = [], []

    def copy_of(given, place):
        if isinstance(given, torch.Tensor):
            given = given.detach().clone()
            if differentiate and given.is_floating_point():
                leaves.append(given.requires_grad_())
                places.append(place)
                given = given.clone()
            return given
        if isinstance(given, tuple | list):
            return type(given)(copy_of(item, place) for item in given)
        return {k: copy_of(item, place) for k, item in given.items()} if isinstance(given, dict) else given

    arguments = [copy_of(given, place) for place, given in enumerate(case)]
    return leaves, places, arguments


def _changed(case, arguments):
    return tuple(i for i, before in enumerate(case) if not _equal(before, arguments[i]))


def _graded(arguments, left):
    def is_left(given):
        return any(tensor.is_leaf and tensor.grad is not None for tensor in tensors_in(given))

    return tuple(i for i, given in enumerate(arguments) if i in left or is_left(given))


def _shared(value, arguments):
    places = {_memory(tensor) for tensor in tensors_in(value)} - {0}
    return tuple(i for i, given in enumerate(arguments) if places & {*map(_memory, tensors_in(given))})


def _memory(tensor):
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0


def _equal(before, after):
    if isinstance(before, torch.Tensor):
        if before.shape != after.shape or before.dtype != after.dtype:
            return False
        return bool(((before == after) | ((before != before) & (after != after))).all())  # NaN is unchanged
    if isinstance(before, tuple | list):
        return len(before) == len(after) and all(map(_equal, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_equal(before[key], after[key]) for key in before)
    return before == after or (before != before and after != after)


def _gradients(value, leaves):
    slopes = gradients([tensor for tensor in tensors_in(value) if tensor.device.type == "cpu"], leaves)
    # of a learner's own kind of tensor the numbers alone cross the pipe
    return tuple(slope if slope is None else _plain(slope) for slope in slopes)


def portable(value):
    """A returned value as nested tuples of plain data that `torch.load(weights_only=True)` reads.

    Returns:
        ("tensor", tensor), ("number", int or float), ("text", str), ("none",), ("sequence", item, ...) for a
        tuple or a list, or ("other", what it is, in words) for anything else: objects of a learner's own are
        not carried.
    """
    if value is None:
        return ("none",)
    if isinstance(value, str):
        return ("text", str.__str__(value))  # of a learner's subclass, the text alone
    if isinstance(value, bool):
        return ("other", f"the truth value {value}")
    if isinstance(value, int):
        whole = int(value)
        # a longer one crosses no pipe, has no float next to it, and Python may refuse to print it
        return ("number", whole) if whole.bit_length() < 64 else ("other", "a whole number beyond 64 bits")
    if isinstance(value, float):
        return ("number", float(value))
    if isinstance(value, tuple | list) and len(value) <= 1000:
        return ("sequence", *(portable(item) for item in value))
    if isinstance(value, torch.Tensor):
        return _portable_tensor(value)
    if inspect.isgenerator(value):
        cure = "collect its items" if value.__name__ == "<genexpr>" else "use return, not yield"
        return ("other", f"a generator: {cure}")
    if isinstance(value, numbers.Number):
        return ("other", f"a {type(value).__module__}.{type(value).__name__}, no number of Python's own")
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    return ("other", f"an object of type {readable(name[:LONGEST_NAME])}")


def readable(text):
    """A text with a question mark for each half of a character, which cannot be sent to a browser."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(tensor):
    return tensor.detach().as_subclass(torch.Tensor)


def _is_carried(tensor):
    usual = tensor.device.type == "cpu" and tensor.layout == torch.strided
    return usual and not tensor.is_quantized and tensor.numel() <= LARGEST


def _portable_tensor(value):
    if value.device.type != "cpu":
        return ("other", f"a tensor on the device {value.device.type}: make it where the inputs are, on cpu")
    if not _is_carried(value):
        kind = str(value.dtype).removeprefix("torch.")
        return ("other", f"a {value.layout} tensor of shape {tuple(value.shape)} and type {kind}")
    return ("tensor", _plain(value).clone())


def _kind(error, function):
    """The exception's class name; "stub" for a NotImplementedError that the function's own `raise` raises."""
    innermost = error.__traceback__
    while innermost.tb_next:
        innermost = innermost.tb_next
    code = innermost.tb_frame.f_code
    own = code is getattr(function, "__code__", None)
    own = own and code.co_code[innermost.tb_lasti] == RAISE  # else torch raised it, which has no frame
    return "stub" if own and isinstance(error, NotImplementedError) else type(error).__name__


def _describe_error(error, function):
    """The exception in at most a few lines: its type, message, and the learner's line that led to it."""
    text = f"raised {named(error)}"
    line = _learners_line(error, function)
    return readable(f"{text}\nat the line: {line}" if line else text)


def named(error):
    """An exception's type and, where it has one, its message; neither of them long."""
    try:
        message = str(error).strip()
    except BaseException:  # a learner's `__str__` may even exit
        message = ""
    if len(message) > 300:
        message = message[:300] + " ..."
    return type(error).__name__[:LONGEST_NAME] + (f": {message}" if message else "")


def _learners_line(error, function):
    """The source of the traceback's innermost line in the function's own file or cell."""
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    line, step = "", error.__traceback__
    while step:
        if step.tb_frame.f_code.co_filename == home:
            line = linecache.getline(home, step.tb_lineno).strip()
        step = step.tb_next
    return line[:200]
