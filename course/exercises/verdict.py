"""What a learner reads: the verdict of a check with the next step, and hints and solutions."""

import contextlib
import html
import re
from dataclasses import dataclass, field

from course.progress import in_kernel

HEADLINES = {"passed": "Passed.", "failed": "Not right yet.", "not_attempted": "Not attempted yet."}
MARKS = {"passed": "✓", "failed": "✗", "not_attempted": "○"}
# Safe for colour-blind readers, who have the mark and the headline as well; 3:1 on white and on black.
COLOURS = {"passed": "#009E73", "failed": "#D55E00", "not_attempted": "#888888"}
HELP = "#0072B2"  # of hints and solutions
# The ground has 8 % of the bar's colour, so that text is legible on it in light and dark.
FRAME = "border-left: 5px solid {0}; background: {0}14; padding: 0.5em 0.3em 0.5em 1em"

PRE = "background: none; margin: 0.5em 0; white-space: pre-wrap"


@dataclass(frozen=True, repr=False)
class Result:
    """A verdict; a notebook shows it where it is the last expression of a cell.

    Attributes:
        status: "passed", "failed" or "not_attempted".
        diagnosis: if failed the name of the misconception that gives the same numbers, or one of
            "wrong_values", "wrong_shape", "wrong_dtype", "wrong_type", "returned_none", "wrong_gradient",
            "detached", "not_detached", "nan_gradient", "not_finite", "few_digits", "squeezed",
            "changed_input", "shares_memory", "keeps_state", "raised", "timeout", "too_slow", "died",
            "not_callable", "wrong_signature", "check_failed", or what a search found, such as "factor",
            "slip" or "negative_missing", of two mistakes "first+second". Of a right answer by a way that
            the statement rules out "forbidden", else None.
        message: the verdict for the learner, plain text; empty above rank 0 of several processes.
        arguments: the smallest case that fails, a dict from names to values; None unless a case does.
        steps: where the learner stands and what to do next, a tuple of sentences.
        exercise: the Exercise whose hints and solution a notebook offers under the verdict, or None.
    """

    status: str
    diagnosis: str | None
    message: str
    arguments: dict | None = field(default=None, compare=False)
    steps: tuple = field(default=(), compare=False)
    exercise: object = field(default=None, compare=False)

    def __repr__(self):
        if not self.message:
            return ""
        mark = "" if self.status == "not_attempted" else f"{MARKS[self.status]} "
        return "\n".join([f"{mark}{HEADLINES[self.status]} {self.message}", *self.steps])

    def _repr_html_(self):
        if not self.message:
            return None
        colour = COLOURS[self.status]
        mark = (
            f'<span aria-hidden="true" style="color: {colour}; font-weight: bold">{MARKS[self.status]}</span>'
        )
        first, _, rest = self.message.partition("\n")
        lines = [f"{mark} <strong>{HEADLINES[self.status]}</strong> {_inline(first)}"]
        if rest:
            lines.append(f'<pre style="{PRE}">{html.escape(rest)}</pre>')
        for step in map(_inline, self.steps):
            step = re.sub("^Next: (.*)", r"Next: <strong>\1</strong>", step)
            lines.append(f'<div style="margin-top: 0.3em">{step}</div>')
        return f'<div style="{FRAME.format(colour)}">{"".join(lines)}</div>'

    def _ipython_display_(self):
        """Show the verdict, and under it the buttons, which a notebook opened again may not have.

        Raises:
            NotImplementedError: there is nothing to offer; IPython then shows the verdict by itself.
        """
        if self.exercise is None or not in_kernel():
            raise NotImplementedError
        from IPython.display import display

        display({"text/html": self._repr_html_(), "text/plain": repr(self)}, raw=True)
        display(self._offer(), raw=True)

    def _offer(self):
        """The second output: buttons, and for where there are none how to call for help."""
        calls = ["solution"] if self.status == "passed" else ["hint", "solution"]
        told = " · ".join(f"{name.title()}: `{self.exercise.call}.{name}()`" for name in calls)
        style = FRAME.format(HELP)
        offer = {"text/html": f'<div style="{style}">{_inline(told)}</div>', "text/plain": told}
        with contextlib.suppress(Exception):  # ipywidgets is not there, or is another one
            from course.exercises.buttons import panel

            view = {"version_major": 2, "version_minor": 0}
            view["model_id"] = panel(self.exercise, self.status == "passed").model_id
            offer["application/vnd.jupyter.widget-view+json"] = view
        return offer


def _inline(text):
    """HTML of text with `code` in it."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


class Note(str):
    """A hint or a solution, Markdown that a notebook shows framed, and a terminal as it is written."""

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        frame = f'<div style="{FRAME.format(HELP)}">'
        if self.startswith("```"):
            return f"{frame}<p><strong>A worked solution</strong></p>\n\n{self}\n\n</div>"
        told = re.sub(r"^(Hint \d+ of \d+):", r"<strong>\1.</strong>", _inline(self))
        return f"{frame}{told}</div>"
