"""Tell whether a learner has changed what a stub does."""

import dis
import inspect

# Which of two call sequences the compiler emits for `torch.relu(x)` depends on whether the import of `torch`
# stands in the same compiled unit: in a module it does, in a notebook's cell it does not. They differ here.
SKIPPED = {"PUSH_NULL", "PRECALL", "CACHE", "RESUME", "NOP", "EXTENDED_ARG"}
SAME_AS = {"LOAD_METHOD": "LOAD_ATTR", "CALL_METHOD": "CALL"}


def same_code(function, stub):
    """True where a function's bytecode does what the stub's does, step by step.

    Args:
        function: the learner's function, or anything that can be called.
        stub: the function that the learner was given.
    Returns:
        bool; names of files and cells, line numbers, comments and layout do not matter.
    """
    mine, theirs = (getattr(item, "__code__", None) for item in (function, stub))
    return inspect.iscode(mine) and _steps(mine) == _steps(theirs)


def _steps(code):
    """The instructions as (name, argument), a jump's argument as the number of the step that it leads to."""
    kept, numbers = [], {}
    for instruction in dis.get_instructions(code):
        numbers[instruction.offset] = len(kept)
        if instruction.opname not in SKIPPED:
            kept.append(instruction)
    return [(SAME_AS.get(step.opname, step.opname), _argument(step, numbers)) for step in kept]


def _argument(step, numbers):
    if step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
        return numbers[step.argval]
    if inspect.iscode(step.argval):
        return _steps(step.argval)
    return type(step.argval), repr(step.argval)
