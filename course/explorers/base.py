"""What an explorer is made of: numbers, a picture of them, and a thin box of controls.

An explorer's module writes three functions, `compute(**controls) -> state`, `build(figure) -> artists` and
`update(artists, state)`. The first is pure numbers and goes to the `Explorer`, the others only draw and make
its `Picture`. The controls come from `controls`, what pictures share from `parts`, both beside this module.
"""

import base64
import functools
import html
import threading

import ipywidgets as widgets

from course import is_main
from course.explorers.controls import first, following, is_choice, nearest
from course.explorers.stage import STYLE, Stage
from course.plots import quantised

COLUMNS = "repeat(auto-fit, minmax(230px, 1fr))"
ONE = threading.RLock()  # JupyterLab may send widgets' messages to a thread beside the one that runs cells


def alone(method):
    """A method that waits until no other thread is in one such: a figure is drawn by one at a time."""

    @functools.wraps(method)
    def run(*arguments, **settings):
        with ONE:
            return method(*arguments, **settings)

    return run


class Explorer:
    """A picture with controls. As the last expression of a notebook cell it shows itself.

    Args:
        title: names it; part of the fixed text that stands for it in a saved notebook.
        controls: dict of name to a widget of `course.explorers.controls`. One by which there is nothing to
            choose, a menu of one entry say, is not shown: its value is a constant.
        compute: function (**values of all controls) -> dict, which with these values makes the state. A
            ValueError is shown above the picture.
        picture: a `Picture` of such a state.
        alt: one sentence on what is to be seen.
        main: names of the one or two controls that tell most: they stand above, the others under "More"; a
            book without a kernel moves these alone. One that is not shown is passed over. By default the
            first.
        adjust: optional function (controls, state) -> None, run after `compute`: it may set sliders' bounds.
        touch: dict of a panel's label to a function (state, x, y) -> dict of values of controls, for a
            pointer pressed at this place of the panel's data; the values are set, the nearest that there are.
        ink: dict of a panel's label to the name of the control, of `drawing.Strokes`, that is drawn there.
        play: a control that is time, or a function (state) -> dict of the next values, None at the end; of
            None it gives the first.
        pace: milliseconds a step of time.
        text: function (state) -> HTML, shown in place of the picture where widgets live. A press on a part
            with an attribute `data-set`, a JSON object of control values, sets these.
        hint: a short line on what the pointer can do.
    Raises:
        KeyError: for a name in `main` that is no control.
    """

    def __init__(
        self, title, controls, compute, picture, alt, *, main=(), adjust=None, touch=None, ink=None,
        play=None, pace=80, text=None, hint="",
    ):  # fmt: skip
        self.title, self.compute, self.picture, self.alt = title, compute, picture, alt
        self.controls = {name: control for name, control in controls.items() if is_choice(control)}
        self.main = tuple(name for name in main if is_choice(controls[name])) or tuple(self.controls)[:1]
        self.touch, self.ink, self.play, self.text = touch or {}, ink or {}, play, text
        self._constants = {name: controls[name].value for name in controls if name not in self.controls}
        self._begin = {name: control.value for name, control in self.controls.items()}
        self._adjust = adjust or (lambda controls, state: None)
        self._quiet = False
        self._box = None
        self._shown = {}  # the state that is on display
        self.image = widgets.Image(format="png", layout=widgets.Layout(width=f"{picture.size[0]}px"))
        self.page, self.message = widgets.HTML(), widgets.HTML(layout=widgets.Layout(display="none"))
        self._place = widgets.VBox()  # of the picture
        self.stage, self._staged = self._make_stage(pace, hint), False
        for control in self.controls.values():
            control.observe(self._redraw, "value")

    def state(self, **changes):
        """The state at the controls' present values, but for these changes: a dict of the values and of what
        `compute` makes of them.
        """
        values = {name: control.value for name, control in self.controls.items()}
        values = self._constants | values | changes
        return values | self.compute(**values)

    @alone
    def png(self, **settings):
        """The picture at the controls' present values, bytes of a PNG file; settings of `Picture.png`."""
        state = self.state()
        self._adjust(self.controls, state)
        return self.picture.png(state, **settings)

    @alone
    def set(self, **values):
        """Set several controls and redraw once.

        Args:
            values: control name = value.
        Raises:
            ValueError: for a name that is no control.
        """
        for name in values:
            if name not in self.controls:
                raise ValueError(f"{self.title} has no control {name!r}; it has {', '.join(self.controls)}.")
        for _ in range(2):  # a value beyond a bound that `adjust` moves is taken at the second go
            self._quiet = True
            try:
                for name, value in values.items():
                    self.controls[name].value = value
            finally:
                self._quiet = False
            self._redraw()
            if all(self.controls[name].value == value for name, value in values.items()):
                return

    def reset(self, button=None):
        """Set all controls as they were at first."""
        self.set(**self._begin)

    @alone
    def advance(self, start=False):
        """One step of time further.

        Args:
            start: whether it begins anew where it has ended.
        Returns:
            whether there was a step to go.
        """
        if callable(self.play):
            values = self.play(self._shown)
            if values is None and start:
                values = self.play(None)
        else:
            value = following(self.controls[self.play])
            if value is None and start:
                value = first(self.controls[self.play])
            values = None if value is None else {self.play: value}
        if values is not None:
            self._set_nearest(values)
        return values is not None

    @alone
    def box(self):
        """The widget: controls above, picture below. Made once."""
        if self._box is None:
            # For screen readers: ipywidgets gives a picture no alt, and cannot show one that has a tooltip.
            hidden = widgets.HTML(f'{STYLE}<span class="course-alt">{self.alt}</span>')
            self._place.children = [self.page if self.text else self.image]
            self._box = widgets.VBox([self._panel(), self.message, hidden, self._place])
            self._box.add_class("course-explorer")
            for widget in (self.image, self.page):
                widget.add_class("course-picture")
            self._redraw()
        return self._box

    def _panel(self):
        """The controls: the main ones in sight, the others under "More"; and Reset."""
        reset = widgets.Button(description="Reset", tooltip="Set everything as it was at first.")
        reset.on_click(self.reset)
        main = _grid([self.controls[name] for name in self.main], "course-main")
        rest = _grid(
            [control for name, control in self.controls.items() if name not in self.main], "course-more"
        )
        more = widgets.ToggleButton(description="More", tooltip="Show the other controls.")
        more.observe(
            lambda change: setattr(rest.layout, "display", "grid" if change["new"] else "none"), "value"
        )
        rest.layout.display = "none"
        buttons = widgets.HBox([more, reset] if rest.children else [reset])
        above = widgets.HBox([main, buttons])
        for widget, name in ((above, "course-controls"), (buttons, "course-buttons")):
            widget.add_class(name)
        return widgets.VBox([above, rest] if rest.children else [above])

    def _make_stage(self, pace, hint):
        boxes = self.picture.panels()
        panels = [
            {"name": name, "kind": kind, "box": boxes[name]}
            for kind, names in (("touch", self.touch), ("ink", self.ink))
            for name in names
        ]
        alt, pace = self.alt, pace if self.play else 0
        stage = Stage(alt=alt, hint=hint, size=list(self.picture.size), panels=panels, pace=pace)
        stage.on_msg(self._hear)
        return stage

    @alone
    def _hear(self, stage, message, buffers):
        """A message of the stage in the browser."""
        if message["kind"] == "hello":
            self._staged = True
            if self._box is not None:
                self._box.children = (*self._box.children[:2], widgets.HTML(STYLE), self._place)
                self._place.children = [stage]
        elif message["kind"] == "rest":
            self._show(quick=False)
        else:
            answer = {}
            try:
                answer = getattr(self, f"_hear_{message['kind']}")(message) or {}
            finally:
                stage.send({"kind": "done"} | answer)

    def _hear_touch(self, message):
        x, y = self.picture.data_at(message["panel"], message["x"], message["y"])
        self._set_nearest(self.touch[message["panel"]](self._shown, float(x), float(y)))

    def _hear_ink(self, message):
        name = self.ink[message["panel"]]
        strokes = self.controls[name].value
        if message["start"] and strokes == self._begin[name]:
            strokes = ()  # the example that stands there at first gives way
        if message["start"] or not strokes:
            strokes = (*strokes, ())
        places = self.picture.data_at(message["panel"], *zip(*message["points"], strict=True)).T
        drawn = tuple((round(x, 4), round(y, 4)) for x, y in places.tolist())
        self.set(**{name: (*strokes[:-1], strokes[-1] + drawn)})

    def _hear_play(self, message):
        return {"more": self.advance(message["start"])}

    def _hear_set(self, message):
        self._set_nearest(message["values"])

    def _set_nearest(self, values):
        """Set controls to the values that are nearest to these."""
        if values:
            self.set(**{name: nearest(self.controls[name], value) for name, value in values.items()})

    @alone
    def _redraw(self, change=None):
        if self._quiet:
            return
        self._quiet = True  # `adjust` may move a control: that is no second change
        try:
            state = self.state()
            self._adjust(self.controls, state)
            self._shown = state
            self._show(quick=True)
            self._say("")
        except ValueError as error:
            self._say(f'<b class="course-error">⚠ {html.escape(str(error))}</b>')
        finally:
            self._quiet = False

    def _show(self, quick):
        """Put the state on display, if anybody sees it; with a stage, the quick picture or the crisp one."""
        if self._box is None:
            return
        if self.text:
            page = self.text(self._shown)
            if self._staged:
                self.stage.send({"kind": "page", "html": page})
            else:
                self.page.value = page
        elif not self._staged:
            self.image.value = self.picture.png(self._shown)
        else:
            file = self.picture.jpeg(self._shown) if quick else self.picture.png(self._shown)
            kind = "image/jpeg" if quick else "image/png"
            said = self.picture.caption()
            self.stage.send({"kind": "frame", "type": kind, "quick": quick, "said": said}, [file])

    def _say(self, message):
        """Show a message above what is on display, which is then pale: it is of another setting."""
        if message != self.message.value:
            self.message.value = message
            self.message.layout.display = None if message else "none"
            (self._place.add_class if message else self._place.remove_class)("course-stale")

    def __repr__(self):
        return f"[explorer] {self.title}: {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        if not is_main():
            return {}, {}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box().model_id}
        still = base64.b64encode(quantised(self.png())).decode("ascii")
        bundle = {
            "application/vnd.jupyter.widget-view+json": view,
            "image/png": still,
            "text/plain": repr(self),
        }
        width, height = self.picture.size
        return bundle, {"image/png": {"alt": self.alt, "width": width, "height": height}}


def _grid(children, name):
    """Controls in columns of one width."""
    grid = widgets.GridBox(children, layout=widgets.Layout(grid_template_columns=COLUMNS))
    grid.add_class("course-grid")
    grid.add_class(name)
    return grid
