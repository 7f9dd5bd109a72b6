"""Wrong answers as a learner types them: the worked solution with a part of it replaced.

They are written as text. A line that begins at the margin names the mistake and says what stands where the
solution has something else; the indented lines below are what the learner is told.

    not_squared: .square() → nothing
        The difference is not squared: a flat critic would be paid for it.
    half_way: mix * real + (1 - mix) * fake → (real + fake) / 2
    and: create_graph=True → create_graph=False
        ...

Each place where the left side stands is replaced, and there must be one; `nothing` leaves it out. `and:` adds
another replacement to the same mistake. Mistakes that one diagnosis fits stand one below the other above it.
Those that differ in a number alone are written as one, with `{}` where the number stands:

    epsilon_{}: F.logsigmoid(logits) → (logits.sigmoid() + {}).log()
    for: 1e-06, 1e-08
        ...
"""

import ast
import inspect
import re
import textwrap

HEAD = re.compile(r"([\w.{}-]+): (.+?) → (.*)")


def parse(text):
    """The mistakes that a text describes.

    Returns:
        list of (name, list of (old, new), diagnosis).
    Raises:
        ValueError: for a line at the margin that is no head.
    """
    mistakes = []
    for line in textwrap.dedent(text).splitlines():
        head = HEAD.fullmatch(line)
        if head:
            edit = head[2], "" if head[3] == "nothing" else head[3]
            if head[1] == "and":
                mistakes[-1][1].append(edit)
            else:
                mistakes.append((head[1], [edit], [], []))
        elif line.startswith("for: "):
            mistakes[-1][2].extend(line.removeprefix("for: ").split(", "))
        elif line[:1].isspace():
            mistakes[-1][3].append(line.strip())
        elif line:
            raise ValueError(f"{line!r} is not of the form `name: old → new`")
    parsed, diagnosis = [], ""
    for name, edits, numbers, told in reversed(mistakes):
        diagnosis = " ".join(told) or diagnosis
        parsed[:0] = [
            (name.replace("{}", number), [(old, new.replace("{}", number)) for old, new in edits], diagnosis)
            for number in numbers or ["{}"]
        ]
    return parsed


def combined(text, also):
    """The mistakes of a text, each alone and each together with one more slip.

    Args:
        text: as for `parse`.
        also: one mistake, as for `parse`: its name is appended to the other's, its diagnosis follows it.
    Returns:
        list as of `parse`.
    """
    ((suffix, more, besides),) = parse(also)
    alone = parse(text)
    both = [(f"{name}_{suffix}", more + edits, f"{told} {besides}") for name, edits, told in alone]
    return alone + both


def edited(function, edits, body=None):
    """A function with parts of its source replaced.

    Args:
        function: one that is written with `def` at the top of a module.
        edits: list of (old, new), replaced one after the other.
        body: source that takes the place of all that follows the docstring.
    Returns:
        the new function, of the same name and module.
    Raises:
        ValueError: something to replace is not there.
    """
    source = inspect.getsource(function)
    if body is not None:
        docstring = ast.parse(source).body[0].body[0]
        source = "".join(source.splitlines(keepends=True)[: docstring.end_lineno]) + body
    for old, new in edits:
        if old not in source:
            raise ValueError(f"{function.__name__} has no {old!r} to replace")
        source = source.replace(old, new)
    namespace = dict(function.__globals__)
    exec(compile(source, f"<{function.__name__}, edited>", "exec"), namespace)
    return namespace[function.__name__]
