"""Exercises that check a learner's function.

`exercises.cnn.conv2d.check(my_conv2d)` gives the verdict, `.hint()` the next hint, `.solution()` the worked
solution; `exercises.progress()` shows what is solved. Each chapter's exercises are a package here.
"""

import importlib
import pkgutil

from course.progress import progress as progress

CHAPTERS = tuple(
    importlib.import_module(f"{__name__}.{module.name}")
    for module in pkgutil.iter_modules(__path__)
    if module.ispkg
)
