"""Wrong answers as a learner types them: the worked solution with a part of it replaced.

They are written as text. A line that begins at the margin names the mistake and says what stands where the
solution has something else; the indented lines below are what the learner is told.

    not_squared: .square() → nothing
        The difference is not squared: a flat critic would be paid for it.
    half_way: mix * real + (1 - mix) * fake → (real + fake) / 2
    and: create_graph=True → create_graph=False
        ...

Each place where the left side stands is replaced, and there must be one; `nothing` leaves it out. `and:` adds
another replacement to the same mistake. Heads with no words below them share those of the next. A mistake without words of its own has those of the next.
"""

import ast
import inspect
import re
import textwrap

HEAD = re.compile(r"([\w.-]+): (.+?) → (.*)")  # a name may end in a number: epsilon_1e-06


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
                # A series of heads shares one list: the words below the last of them are told for each.
                told = mistakes[-1][2] if mistakes and not mistakes[-1][2] else []
                mistakes.append((head[1], [edit], told))
        elif line[:1].isspace():
            mistakes[-1][2].append(line.strip())
        elif line:
            raise ValueError(f"{line!r} is not of the form `name: old → new`")
    return [(name, edits, " ".join(told)) for name, edits, told in mistakes]


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
