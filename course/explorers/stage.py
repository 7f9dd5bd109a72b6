"""The stage of an explorer: what its picture needs of the browser itself, as one small anywidget.

It shows the picture, hands on what the pointer does in it, plays, and asks for the crisp picture once nothing
moves. A front end that runs it says "hello"; until then, and where none does, an explorer shows its picture
as an image, and its sliders do everything.
"""

from pathlib import Path

import anywidget
import traitlets

BROWSER = Path(__file__).parent / "browser"
STYLE = f"<style>{(BROWSER / 'explorer.css').read_text(encoding='utf-8')}</style>"  # of every explorer


class Stage(anywidget.AnyWidget):
    """The picture's place in the browser; `browser/stage.js` is its other half.

    Messages to it: "frame" (a picture), "page" (HTML), "done" (with an answer to each of its own but the
    first two); from it: "hello", "rest", "touch", "ink", "play", "set".
    """

    _esm = (BROWSER / "stage.js").read_text(encoding="utf-8")
    alt = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    size = traitlets.List().tag(sync=True)  # of the picture, in the page's pixels
    panels = traitlets.List().tag(sync=True)  # dicts: name, kind ("touch", "ink"), box in fractions
    pace = traitlets.Int().tag(sync=True)  # milliseconds a step of time; 0: nothing is played
