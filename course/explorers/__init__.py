"""Interactive pictures, one module a chapter. Each explorer receives the chapter's own functions and models."""

from course.explorers import cnn

__all__ = ["cnn"]
