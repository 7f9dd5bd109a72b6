"""Dates as people write them in seven languages, and as ISO 8601, from Babel's locale data (CLDR)."""

import datetime
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Integral

import torch

from course.data.text import characters
from course.files import DataError

LANGUAGES = ("en", "de", "fr", "es", "ru", "zh", "ja")
STYLES = ("medium", "long", "full")  # "short" is left out: 1/2/03 is ambiguous
A_DAY = datetime.date(2001, 10, 29)  # two styles that can differ write it differently


@dataclass(frozen=True, eq=False)
class DateSet:
    """Some dates; the entries at one place of all fields belong together.

    Attributes:
        texts: tuple of str, as people write them; white space is single spaces.
        iso: tuple of str, the same dates as YYYY-MM-DD.
        languages, styles: tuples of str. A text that Chinese and Japanese share is "zh ja", and a text that
            two styles share is of the first of them that was asked for.
    """

    texts: tuple = field(repr=False)
    iso: tuple = field(repr=False)
    languages: tuple = field(repr=False)
    styles: tuple = field(repr=False)

    def __len__(self):
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Dates:
    """Dates to train on, to choose on and to judge on; no text is in two of them.

    Attributes:
        train, validation, held_out: DateSets.
        vocabulary: str, every character that dates in any of the seven languages hold, sorted; it depends on
            Babel's version alone. Keep it with a model's weights.
        source: where the dates come from, one sentence.
    """

    train: DateSet
    validation: DateSet
    held_out: DateSet
    vocabulary: str
    source: str = (
        "Babel's locale data, which is the Unicode Consortium's Common Locale Data Repository (CLDR)."
    )


def dates(
    n=10_000, languages=LANGUAGES, seed=0, *, validation=1_000, held_out=2_000, years=(1900, 2099),
    styles=STYLES,
):  # fmt: skip
    """Distinct `Dates` in several languages, drawn evenly over languages and styles; the same in every call.

    Args:
        n, validation, held_out: how many dates each part has; n at least 1, the others at least 0.
        languages: some of `LANGUAGES`.
        seed: of the draw, a whole number.
        years: (first, last), both included, of 1000 to 9999.
        styles: some of "medium", "long", "full".
    Raises:
        ValueError: an unknown language or style, impossible sizes, seed or years, or more dates than can be
            drawn.
        DataError: if one text stands for two dates, which this Babel's data then has wrong.
    """
    languages, styles = _some(languages, LANGUAGES, "language"), _some(styles, STYLES, "style")
    _check_numbers(n, validation, held_out, seed, years)
    first = datetime.date(years[0], 1, 1)
    days = (datetime.date(years[1], 12, 31) - first).days + 1
    total = n + validation + held_out
    possible = days * len({written(A_DAY, language, s) for language in languages for s in styles})
    if total > possible // 2:  # beyond that, drawing is slow
        raise ValueError(
            f"{total:,} distinct dates are too many: in {', '.join(languages)} and these years and "
            f"styles there are {possible:,}, of which half can be drawn. Ask for fewer, or allow more years."
        )
    rows = _drawn(random.Random(int(seed)), languages, styles, first, days)
    sets = []
    for size in (n, validation, held_out):
        columns = zip(*itertools.islice(rows, size), strict=True) if size else [()] * 4
        sets.append(DateSet(*columns))
    return Dates(*sets, vocabulary=vocabulary())


def _drawn(rng, languages, styles, first, days):
    """One new text after the other, without end: (text, iso, languages, style)."""
    iso_of, names = {}, {}
    while True:
        language, style = rng.choice(languages), rng.choice(styles)
        day = first + datetime.timedelta(days=rng.randrange(days))
        text, iso = written(day, language, style), day.isoformat()
        if text not in iso_of:
            # Month, weekday and "5" or "05" decide whether two styles write a day alike.
            alike = language, style, day.month, day.weekday(), day.day < 10
            if alike not in names:
                names[alike] = _names(text, day, language, styles)
            yield text, iso, *names[alike]
        if iso_of.setdefault(text, iso) != iso:
            raise DataError(f"The text {text!r} stands for {iso_of[text]} and for {iso}: try another Babel.")


def written(day, language, style):
    """A datetime.date as people write it, with single spaces (CLDR has narrow and unbreakable ones)."""
    from babel.dates import format_date

    return normalised(format_date(day, style, locale=_locale(language)))


@lru_cache(len(LANGUAGES))
def _locale(language):
    """Babel's data of a language, looked up once: by its name, every date would cost twice the time."""
    from babel import Locale

    return Locale.parse(language)


def normalised(text):
    """The text with every run of white space as one space, and none at its ends."""
    return " ".join(text.split())


@lru_cache(1)
def vocabulary():
    """Every character that a date in any of the languages can hold, one str, sorted."""
    week = [datetime.date(2001, 1, 1) + datetime.timedelta(days=i) for i in range(7)]
    months = [datetime.date(2001, month, 1) for month in range(1, 13)]
    every = (written(day, language, s) for day in week + months for language in LANGUAGES for s in STYLES)
    return "".join(sorted(set("0123456789").union(*every)))


def encode(texts, vocabulary):
    """N texts as (N, T) int64: each character's place in the vocabulary plus 1, and 0 after a shorter text.

    Raises:
        ValueError: names the first character that the vocabulary does not have; or texts is a single
            str.
    """
    if isinstance(texts, str):
        raise ValueError(f"Expected a list of texts; got the one text {texts!r}.")
    longest, rows = max(map(len, texts), default=0), []
    index = {character: i for i, character in enumerate(vocabulary, 1)}
    for text in texts:
        if strange := [character for character in text if character not in index]:
            known = f"the {len(vocabulary)} characters of the vocabulary"
            raise ValueError(f"The character {strange[0]!r} is not among {known}.")
        rows.append([index[character] for character in text] + [0] * (longest - len(text)))
    return torch.tensor(rows, dtype=torch.int64).reshape(len(texts), longest)


def decode(rows, vocabulary):
    """The texts that `encode` gave these rows for: (N, T) int64 -> list of N str; 0 ends nothing, it is
    left out.

    Raises:
        ValueError: if an index is outside the vocabulary.
    """
    return ["".join(characters(row, ("", *vocabulary))) for row in rows.tolist()]


def _some(chosen, known, what):
    """The chosen languages or styles as a tuple, checked."""
    if isinstance(chosen, str) or not isinstance(chosen, Sequence) or not chosen:
        raise ValueError(f"Expected a list of {what}s, some of {', '.join(known)}; got {chosen!r}.")
    for name in chosen:
        if name not in known:
            raise ValueError(f"Unknown {what} {name!r}: there are {', '.join(known)}.")
    return tuple(dict.fromkeys(chosen))


def _whole(*values):
    """Whether all are whole numbers, which True and 3.0 are not."""
    return all(isinstance(value, Integral) and not isinstance(value, bool) for value in values)


def _check_numbers(n, validation, held_out, seed, years):
    if not _whole(n, validation, held_out) or min(n - 1, validation, held_out) < 0:
        raise ValueError(
            f"n={n!r}, validation={validation!r}, held_out={held_out!r}: expected whole numbers, n >= 1, the "
            f"others >= 0."
        )
    if not _whole(seed):
        raise ValueError(f"seed={seed!r}: expected a whole number.")
    are_two = isinstance(years, Sequence) and len(years) == 2 and _whole(*years)
    if not are_two or not 1000 <= years[0] <= years[1] <= 9999:
        raise ValueError(
            f"years={years!r}: expected whole numbers (first, last), 1000 <= first <= last <= 9999."
        )


def _names(text, day, language, styles):
    """Language and style that a text is counted under, whichever of those that share it was drawn."""
    group = ("zh", "ja") if language in ("zh", "ja") else (language,)
    shared = [(name, s) for s in STYLES for name in group if written(day, name, s) == text]
    names = [name for name in group if any(name == found for found, _ in shared)]
    return " ".join(names), next(s for _, s in shared if s in styles)
