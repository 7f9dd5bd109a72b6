"""Sphinx's configuration of the book; `make book` copies it beside the pages that it makes."""

import os
import re

project = "From Formula to Model"
author = "the authors of From Formula to Model"
copyright = author
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx_copybutton", "sphinx-mathjax-offline"]
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["book.css", "explorer.css"]
html_js_files = [("explorer.js", {"defer": "defer"})]
html_show_sourcelink = False
html_copy_source = False

# The notebooks come executed; nothing runs here.
nb_execution_mode = "off"
# The only outputs that are folded answer a prediction.
nb_code_prompt_show, nb_code_prompt_hide = "Show the result", "Hide the result"
# No page needs require.js or a widget manager, which would come from a network.
nb_ipywidgets_js = {}
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
copybutton_exclude = ".linenos, .gp, .go"

html_context = {"default_mode": "auto"}  # light or dark as the reader's system is

REPOSITORY = os.environ["COURSE_REPOSITORY"]  # https://github.com/owner/name
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "use_download_button": False,
    "use_issues_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the search stands in the side bar
    "show_toc_level": 2,
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def open_the_whole_notebook(app, pagename, templatename, context, doctree):
    """A section's buttons open its whole chapter; Binder's the reader's own copy, not the committed one."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("text") in ("Binder", "Colab"):
                url = re.sub(r"(notebooks/[^/?]+)/[^/?]+\.ipynb", r"\1.ipynb", button["url"])
                if button["text"] == "Binder":
                    url = url.replace("/main?", "/HEAD?").replace("lab/tree/notebooks/", "lab/tree/my/")
                button["url"] = url


def setup(app):
    """Sphinx calls this."""
    app.connect("html-page-context", open_the_whole_notebook, priority=900)  # after the theme's own
