"""The figure of an explorer in the book: its controls over pictures drawn beforehand, see frames.py.

The script docs/static/explorer.js moves it.
"""

import html
import json


def figure(page, root="../", links=None):
    """The HTML of an explorer's figure; a page shows each explorer once at most.

    Args:
        page: dict as `frames.draw` returns.
        root: from the page that shows it to the book's first page: "", "../", "../../".
        links: dict of a place to the address where its chapter runs: Colab, Binder.
    Returns:
        str; its id is "explorer-" and the explorer's name, with "-" for ".".
    """
    identity, title = identity_of(page["name"]), html.escape(page["title"])
    folder, (width, height) = f"{root}_static/{page['folder']}/", page["size"]
    start = "-".join(str(control["start"]) for control in page["controls"])
    controls = "".join(_control(f"{identity}-{i}", control) for i, control in enumerate(page["controls"]))
    return (
        f'<figure class="explorer" id="{identity}" data-frames="{folder}">'
        f'<div class="explorer-controls" role="group" aria-label="Controls: {title}">{controls}</div>'
        f'<div class="explorer-picture" role="group" aria-label="Picture: {title}" tabindex="0">'
        f'<img src="{folder}{start}.webp" alt="{html.escape(page["alt"])}" width="{width}" height="{height}" '
        f'loading="lazy"></div><figcaption>{_how_to_run(page, links or {})}</figcaption></figure>'
    )


def identity_of(name):
    """The id of an explorer's figure: "explorer-cnn-sliding_kernel" of "cnn.sliding_kernel"."""
    return "explorer-" + name.replace(".", "-")


def _how_to_run(page, links):
    places = " or ".join(f'<a href="{address}">{place}</a>' for place, address in links.items())
    others = html.escape(", ".join(dict.fromkeys(page["left_out"])))
    rest = f"To move the others too ({others})" if others else "To move it between these settings"
    return (
        f"Here the pictures are drawn beforehand. {rest}, open this chapter on {places}, or run "
        "<code>make lab</code>."
    )


def _control(identity, control):
    """A label with a slider, or with a menu, over the places of a control's values."""
    start, labels = control["start"], [html.escape(str(text)) for text in control["labels"]]
    label = f'<label for="{identity}">{html.escape(control["label"])}</label>'
    if control["kind"] == "menu":
        chosen = ["", " selected"]
        options = (
            f'<option value="{i}"{chosen[i == start]}>{text}</option>' for i, text in enumerate(labels)
        )
        return f'{label}<select id="{identity}" autocomplete="off">{"".join(options)}</select>'
    return (
        f'{label}<input type="range" id="{identity}" min="0" max="{len(labels) - 1}" value="{start}" '
        f'autocomplete="off" aria-valuetext="{labels[start]}" '
        f'data-labels="{html.escape(json.dumps(control["labels"]))}">'
        f'<output for="{identity}">{labels[start]}</output>'
    )
