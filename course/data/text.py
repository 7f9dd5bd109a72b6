"""Text: one novel, cut into training, validation and held-out parts."""

import lzma
from dataclasses import dataclass, field

import torch

from course.data.reading import read

HELD_OUT = 0.1  # of the whole text, its end
VALIDATION = 0.05  # of the rest, its end


@dataclass(frozen=True, eq=False)
class Novel:
    """A novel as characters, in three parts that follow one another.

    Attributes:
        train: str, what a model is fitted on.
        validation: str, the last 5 % of the first 90 %: what choices are made on.
        held_out: str, the last 10 %: what a model is judged on, once.
        vocabulary: str, each character of the novel once, sorted; a character's index is its place here.
        title, source: the book, and where it comes from and under which licence, one sentence.
    """

    train: str = field(repr=False)
    validation: str = field(repr=False)
    held_out: str = field(repr=False)
    vocabulary: str
    title: str
    source: str

    def encode(self, text):
        """The indices of a text's characters, (len(text),) int64.

        Raises:
            ValueError: names the first character that is unknown, and where it stands.
        """
        use = f"use its {len(self.vocabulary)} characters, {self.vocabulary!r}."
        found = indices(text, self.vocabulary, f"does not occur in {self.title}: {use}")
        return torch.tensor(found, dtype=torch.int64)

    def decode(self, indices):
        """The text that `encode` gave these indices for: (N,) tensor or whole numbers -> str.

        Raises:
            ValueError: if an index is outside the vocabulary.
        """
        return "".join(characters(torch.as_tensor(indices).tolist(), self.vocabulary))


def novel():
    """*Pride and Prejudice*, a `Novel`: 684,767 characters, 75 different ones.

    Raises:
        DataError: if the embedded file is missing or damaged.
    Source: Jane Austen, 1813.
    """
    text = lzma.decompress(read("pride_and_prejudice.txt.xz")).decode("utf-8")
    kept = round((1 - HELD_OUT) * len(text))
    fit = round((1 - VALIDATION) * kept)
    return Novel(
        train=text[:fit],
        validation=text[fit:kept],
        held_out=text[kept:],
        vocabulary="".join(sorted(set(text))),
        title="Pride and Prejudice",
        source="Jane Austen, Pride and Prejudice (1813; public domain), by way of the R package janeaustenr.",
    )


def indices(text, vocabulary, unknown):
    """The place in the vocabulary of each of a text's characters, a list; ValueError names one without."""
    index = {character: i for i, character in enumerate(vocabulary)}
    for place, character in enumerate(text):
        if character not in index:
            raise ValueError(f"The character {character!r} at position {place} {unknown}")
    return [index[character] for character in text]


def characters(places, vocabulary):
    """What stands at these places of the vocabulary, a list; ValueError for a place outside."""
    for i in places:
        if not 0 <= i < len(vocabulary):
            raise ValueError(f"Index {i} is no character: expected 0 to {len(vocabulary) - 1}.")
    return [vocabulary[i] for i in places]
