"""What a learner reads: the verdict of a check, and the Markdown of hints and solutions."""

import html
import re
from dataclasses import dataclass, field

HEADLINES = {"passed": "Passed.", "failed": "Not right yet.", "not_attempted": "Not attempted yet."}
# for colour-blind readers, who have the headline as well
COLOURS = {"passed": "#0072b2", "failed": "#d55e00", "not_attempted": "#888888"}


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
    """

    status: str
    diagnosis: str | None
    message: str
    arguments: dict | None = field(default=None, compare=False)

    def __repr__(self):
        return f"{HEADLINES[self.status]} {self.message}" if self.message else ""

    def _repr_html_(self):
        if not self.message:
            return None
        first, _, rest = html.escape(self.message).partition("\n")
        first = re.sub("`([^`]+)`", r"<code>\1</code>", first)
        more = f'<pre style="margin: 0.5em 0 0">{rest}</pre>' if rest else ""
        style = f"border-left: 4px solid {COLOURS[self.status]}; padding: 0.3em 0.8em"
        return f'<div style="{style}"><strong>{HEADLINES[self.status]}</strong> {first}{more}</div>'


class Note(str):
    """Markdown that a notebook shows as such, and a terminal as it is written."""

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return str(self)
