"""The figure of an explorer in the book: its controls over pictures drawn beforehand, see frames.py.

The script docs/static/explorer.js moves it, and docs/static/explorer.css says how it looks.
"""

import html
import json


def figure(page, root="../", links=None):
    """The HTML of an explorer's figure; a page shows each explorer once at most.

    Args:
        page: dict as `frames.draw_chapter` returns for each explorer.
        root: from the page that shows it to the book's first page: "", "../", "../../".
        links: dict of a place to the address where its chapter runs: Colab, Binder.
    Returns:
        str; its id is `identity_of` the explorer's name.
    """
    identity, title, alt = identity_of(page["name"]), html.escape(page["title"]), html.escape(page["alt"])
    folder, (width, height) = f"{root}_static/{page['folder']}/", page["size"]
    start = [control["start"] for control in page["controls"]]
    first = f"{folder}{'-'.join(map(str, start))}.webp"
    moves = {"start": start} | {key: page[key] for key in ("inner", "play", "pace", "panels")}
    controls = "".join(_control(f"{identity}-{i}", control) for i, control in enumerate(page["controls"]))
    play = '<button type="button" class="explorer-play">▶ Play</button>' if page["play"] is not None else ""
    return (
        f'<figure class="explorer" id="{identity}" data-frames="{folder}" '
        f'data-moves="{html.escape(json.dumps(moves, separators=(",", ":")))}">'
        f'<div class="explorer-controls" role="group" aria-label="Controls: {title}">{play}{controls}</div>'
        f'<div class="explorer-picture" style="aspect-ratio: {width} / {height}; max-width: {width}px">'
        f'<img src="{first}" alt="{alt}" width="{width}" height="{height}" '
        f'loading="lazy" decoding="sync"></div>'
        f"<figcaption>{_caption(page, links or {})}</figcaption></figure>"
    )


def identity_of(name):
    """The id of an explorer's figure: "explorer-cnn-sliding_kernel" of "cnn.sliding_kernel"."""
    return "explorer-" + name.replace(".", "-")


def _caption(page, links):
    """What moves here, and where the rest does, in one line."""
    here = "Press or drag in the picture" if page["panels"] else "Drag sideways over the picture"
    here = f'<span class="explorer-here">{here if page["play"] is not None else "Choose above"}.</span>'
    places = ", ".join([*(f'<a href="{address}">{place}</a>' for place, address in links.items()), ""])
    count = len(set(page["left_out"]))
    more = f"{count} more control{'s' * (count > 1)}" if count else "Every value in between"
    more = f"Your own drawing, and {more}" if page["draws"] else more
    turn = '<span class="explorer-turn">Turn the phone for a larger picture.</span>'
    return f"{here} {more}: run it in {places}or JupyterLab. {turn}"


def _control(identity, control):
    """A slider with its label and value, or a labelled menu, over the places of a control's values."""
    start, labels = control["start"], [html.escape(str(text)) for text in control["labels"]]
    label = f'<label for="{identity}">{html.escape(control["label"])}</label>'
    if control["kind"] == "menu":
        chosen = ["", " selected"]
        options = (
            f'<option value="{i}"{chosen[i == start]}>{text}</option>' for i, text in enumerate(labels)
        )
        inside = f'{label}<select id="{identity}" autocomplete="off">{"".join(options)}</select>'
    else:
        inside = (
            f'{label}<output for="{identity}">{labels[start]}</output>'
            f'<input type="range" id="{identity}" min="0" max="{len(labels) - 1}" value="{start}" '
            f'autocomplete="off" aria-valuetext="{labels[start]}" '
            f'data-labels="{html.escape(json.dumps(control["labels"]))}">'
        )
    return f'<div class="explorer-control">{inside}</div>'
