"""What an explorer is made of: numbers, a picture that is updated, not redrawn, and a thin box of controls.

An explorer's module writes three functions, `compute(**controls) -> state`, `build(figure) -> artists` and
`update(artists, state)`. The first is pure numbers and goes to the `Explorer`, the others only draw and make
its `Picture`. The controls come from `controls`, what pictures share from `parts`, both beside this module.
"""

import base64
import html
import io

import ipywidgets as widgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course import is_main
from course.explorers.controls import align, is_choice
from course.plots import DPI, quantised


class Picture:
    """A persistent figure that turns a state into PNG bytes, quickly enough for a slider.

    `build` makes every artist once, with room for the longest labels, and the layout is fixed then. The
    artists that it returns are redrawn over a saved background at each call; whatever else `update` changed
    (an axis limit, say) makes the background stale, and matplotlib's own `figure.stale` tells: only then all
    is drawn again.

    Args:
        build: function (figure) -> dict of name to an artist or a list of artists: those that change with
            the state.
        update: function (artists, state) -> None, sets their data.
        size: (width, height) in inches at 100 dpi.
    """

    def __init__(self, build, update, size):
        self.figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        self.canvas = FigureCanvasAgg(self.figure)
        self.artists = build(self.figure)
        self._update = update
        self._moving = sorted(_flat(self.artists), key=lambda artist: artist.get_zorder())
        self._background = None
        self._fix_layout()

    def png(self, state):
        """The picture of a state.

        Args:
            state: what `Explorer.state` returns.
        Returns:
            bytes of a PNG file, lightly compressed.
        """
        self._update(self.artists, state)
        if self.figure.stale or self._background is None:
            self.canvas.draw()  # all but the animated artists
            self._background = self.canvas.copy_from_bbox(self.figure.bbox)
            self.figure.stale = False
        else:
            self.canvas.restore_region(self._background)
        for artist in self._moving:
            artist.axes.draw_artist(artist)
        size = self.canvas.get_width_height()
        picture = Image.frombuffer("RGBA", size, self.canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        file = io.BytesIO()
        # 256 colours found quickly: 7 ms for what the full-colour encoding takes 15 ms for.
        colours = picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        colours.save(file, "PNG", compress_level=1)
        return file.getvalue()

    def _fix_layout(self):
        """Lay the panels out once, around what `build` has put there, then keep them where they are."""
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        for artist in self._moving:
            artist.set_animated(True)


class Explorer:
    """A picture with controls. As the last expression of a notebook cell it shows itself.

    Args:
        title: names it; part of the fixed text that stands for it in a saved notebook.
        controls: dict of name to a widget of `course.explorers.controls`. One by which there is nothing to
            choose, a menu of one entry say, is not shown: its value is a constant.
        compute: function (**values of all controls) -> dict, which with these values makes the state. A
            ValueError is shown under the picture.
        picture: a `Picture` of such a state.
        alt: one sentence on what is to be seen.
        main: names of the one or two controls that tell most; a book without a kernel moves these alone. One
            that is not shown is passed over. By default the first.
        adjust: optional function (controls, state) -> None, run after `compute`: it may set sliders' bounds.
    Raises:
        KeyError: for a name in `main` that is no control.
    """

    def __init__(self, title, controls, compute, picture, alt, *, main=(), adjust=None):
        self.title, self.compute, self.picture, self.alt = title, compute, picture, alt
        self.controls = {name: control for name, control in controls.items() if is_choice(control)}
        self.main = tuple(name for name in main if is_choice(controls[name])) or tuple(self.controls)[:1]
        self._constants = {name: controls[name].value for name in controls if name not in self.controls}
        align(self.controls.values())
        self._adjust = adjust or (lambda controls, state: None)
        self._quiet = False
        self._box = None
        self.image = widgets.Image(format="png", layout=widgets.Layout(max_width="100%"))
        self.message = widgets.HTML()

    def state(self, **changes):
        """The state at the controls' present values, but for these changes: a dict of the values and of what
        `compute` makes of them.
        """
        values = {name: control.value for name, control in self.controls.items()}
        values = self._constants | values | changes
        return values | self.compute(**values)

    def png(self):
        """The picture at the controls' present values, bytes of a PNG file."""
        state = self.state()
        self._adjust(self.controls, state)
        return self.picture.png(state)

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

    def box(self):
        """The widget: controls above, picture below. Made once."""
        if self._box is None:
            for control in self.controls.values():
                control.observe(self._redraw, "value")
            panel = widgets.Box(
                list(self.controls.values()),
                layout=widgets.Layout(display="flex", flex_flow="row wrap", align_items="center"),
            )
            # For screen readers: ipywidgets gives a picture no alt, and cannot show one that has a tooltip.
            caption = widgets.HTML(f"<small>{self.alt}</small>")
            self._box = widgets.VBox([panel, self.image, self.message, caption])
            for widget, name in ((self._box, "course-explorer"), (self.image, "course-picture")):
                widget.add_class(name)
            self._redraw()
        return self._box

    def _redraw(self, change=None):
        if self._quiet:
            return
        self._quiet = True  # `adjust` may move a control: that is no second change
        try:
            self.image.value = self.png()
            self.message.value = ""
        except ValueError as error:
            self.message.value = f"<b>{html.escape(str(error))}</b>"
        finally:
            self._quiet = False

    def __repr__(self):
        return f"[explorer] {self.title}: {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        if not is_main():
            return {}, {}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box().model_id}
        still = base64.b64encode(quantised(self.image.value)).decode("ascii")
        bundle = {
            "application/vnd.jupyter.widget-view+json": view,
            "image/png": still,
            "text/plain": repr(self),
        }
        return bundle, {"image/png": {"alt": self.alt}}


def _flat(artists):
    for value in artists.values():
        yield from value if isinstance(value, list | tuple) else (value,)
