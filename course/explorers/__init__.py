"""Interactive pictures, a package for each chapter. Each receives the chapter's own functions and models."""

import importlib
import pkgutil

for module in pkgutil.iter_modules(__path__):
    if module.ispkg:
        importlib.import_module(f"{__name__}.{module.name}")
