"""Settings of the Jupyter server that `make lab` and Binder start, beside those in the `.json` file."""

WIDGET = "application/vnd.jupyter.widget-view+json"


def keep_stills(model, **_):
    """Save an explorer as its still picture alone, and the buttons under a verdict as the text beside them:
    without its kernel, a notebook that is opened again finds no widget, and would say so in their place.
    """
    if model["type"] == "notebook" and model.get("content"):
        for cell in model["content"]["cells"]:
            for output in cell.get("outputs", ()):
                if {"image/png", "text/html"} & output.get("data", {}).keys():
                    output["data"].pop(WIDGET, None)


c = get_config()  # noqa: F821  Jupyter defines it
c.ContentsManager.pre_save_hook = keep_stills
