"""The controls of explorers: sliders, menus and text fields, each with a label and a description.

Whatever front end shows them, a control is bounded, and its description is there for the mouse at rest and
for assistive technology.
"""

import ipywidgets as widgets

TRACK = 220  # pixels of a control beside its label
LEAST, LETTER = 60, 7  # pixels of a label at least, and of one of its letters on average
FIELD = 690  # pixels of a text field with its label


def slider(label, ends, value, description="", form=".2f"):
    """A slider over evenly spaced numbers.

    Args:
        label: what stands beside it.
        ends: (low, high) of a slider over integers, or (low, high, step).
        value: to begin with.
        description: a short sentence.
        form: how a number that is no integer is written.
    """
    low, high, *step = ends
    kind, more = widgets.IntSlider, {}
    if step:
        kind, more = widgets.FloatSlider, dict(step=step[0], readout_format=form)
    return described(kind(description=label, value=value, min=low, max=high, **more), description)


def list_slider(label, values, value, description=""):
    """A slider over a list of values, or of pairs (name, value)."""
    control = widgets.SelectionSlider(description=label, options=named(values), value=value)
    return described(control, description)


def menu(label, values, value=None, description=""):
    """A menu of values, or of pairs (name, value); without a value it begins with the first."""
    options = named(values)
    value = options[0][1] if value is None else value
    return described(widgets.Dropdown(description=label, options=options, value=value), description)


def field(label, text, description=""):
    """A text field of one line."""
    return described(widgets.Text(description=label, value=text), description)


def described(widget, description):
    """The widget, with a text for the mouse at rest and for assistive technology; empty for none."""
    name = "tooltip" if widget.has_trait("tooltip") else "description_tooltip"  # ipywidgets 8 or 7
    setattr(widget, name, description or None)
    return widget


def named(values):
    """Pairs (name, value) of values; those that are pairs stay as they are."""
    return [value if isinstance(value, tuple) else (str(value), value) for value in values]


def is_choice(control):
    """Whether a reader can choose anything by a control: not by a menu of one entry."""
    if hasattr(control, "options"):
        return len(control.options) > 1
    return not hasattr(control, "max") or control.min < control.max


def align(controls):
    """Give all labels the room of the longest, and all controls but text fields one width."""
    labelled = [control for control in controls if hasattr(control, "description")]  # not a box of fields
    room = max([LEAST, *(4 + LETTER * len(control.description) for control in labelled)])
    for control in labelled:
        control.style.description_width = f"{room}px"
        control.layout.width = f"{FIELD if isinstance(control, widgets.Text) else room + TRACK}px"
