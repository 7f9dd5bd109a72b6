"""What each chapter is about, in a few words: for the start page, book, README and a learner's progress."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A chapter in a few words.

    Attributes:
        title: in plain words; with its number it is the chapter's heading.
        question: the one that the chapter answers.
        read: minutes that its core takes to read.
        solve: hours that its exercises take, as text.
        run: minutes that all its cells run on a laptop's CPU, as text.
    """

    title: str
    question: str
    read: int
    solve: str
    run: str

    @property
    def times(self):
        """What it takes, in one line."""
        return f"{self.read} min to read · {self.solve} h of exercises · runs in {self.run} min"


CARDS = {
    "00_foundations": Card(
        "Foundations: learning by going downhill",
        "What does it mean to learn by going down a gradient, and how do you know that something was learnt?",
        90,
        "3½",
        "½",
    ),
    "01_cnn": Card(
        "CNN: how a network sees an image",
        "What does a convolution compute, why does it suit images, and how does it learn?",
        90,
        "2¾",
        "1",
    ),
    "02_rnn": Card(
        "RNN: what a network remembers",
        "Why do plain recurrent nets forget, and how do gates let a net decide what to keep?",
        75,
        "3",
        "1½",
    ),
    "03_attention": Card(
        "Attention: how a network looks things up",
        "How does a model look things up in its own input, and why did that replace recurrence?",
        75,
        "3",
        "1½",
    ),
    "04_vae": Card(
        "VAE: a code from which digits grow",
        "What is the ELBO, why can it be trained, and what exactly do we lose by it?",
        75,
        "3",
        "1½",
    ),
    "05_gan": Card(
        "GAN: a forger and a critic",
        "What does each adversarial loss ask of the generator, when does it fall silent, and what keeps "
        "training from circling or collapsing?",
        75,
        "2½",
        "2",
    ),
}


def heading(chapter):
    """A chapter's heading, "1 · CNN: how a network sees an image" of "01_cnn"; without a card its name."""
    return f"{int(chapter[:2])} · {CARDS[chapter].title}" if chapter in CARDS else chapter
