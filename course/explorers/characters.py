"""Signs for characters that leave no mark, for explorers that show text."""

BREAK, SPACE = "⏎", "␣"
_SIGNS = str.maketrans({"\n": BREAK, " ": SPACE})


def typed(text):
    """A text field's text as the model reads it: the sign ⏎ stands for a line break, which a text field of
    one line cannot hold.
    """
    return text.replace(BREAK, "\n")


def visible(text):
    """A text with ⏎ for each line break and ␣ for each space: as many characters."""
    return text.translate(_SIGNS)
