"""The controls of explorers: sliders, menus and text fields, each with a label and a description.

Whatever front end shows them, a control is bounded, and its description is there for the mouse at rest and
for assistive technology. Labels stand above their controls, which are as wide as their column: the style
sheet `browser/explorer.css` says so.
"""

import ipywidgets as widgets


def slider(label, ends, value, description="", form=".2f"):
    """A slider over evenly spaced numbers.

    Args:
        label: what stands above it.
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
    widget.layout.width = "auto"
    return widget


def named(values):
    """Pairs (name, value) of values; those that are pairs stay as they are."""
    return [value if isinstance(value, tuple) else (str(value), value) for value in values]


def is_choice(control):
    """Whether a reader can choose anything by a control: not by a menu of one entry."""
    if hasattr(control, "options"):
        return len(control.options) > 1
    return not hasattr(control, "max") or control.min < control.max


def nearest(control, value):
    """The value of a control that is nearest to one asked for.

    Args:
        control: a slider, a menu or a text field.
        value: a number for a slider; for a menu or another list its value, or a number where all are.
    """
    if hasattr(control, "options"):
        values = [each for _, each in control.options]
        return value if value in values else min(values, key=lambda each: abs(each - value))
    if not hasattr(control, "max"):
        return value
    steps = round((min(max(value, control.min), control.max) - control.min) / control.step)
    return type(control.min)(round(control.min + steps * control.step, 10))


def following(control):
    """The value after the present one, of a slider or a list; None at its end."""
    if hasattr(control, "options"):
        values = [each for _, each in control.options]
        return dict(zip(values, values[1:], strict=False)).get(control.value)
    value = nearest(control, control.value + control.step)
    return None if value == control.value else value


def first(control):
    """The first value of a slider or a list."""
    return control.options[0][1] if hasattr(control, "options") else control.min
