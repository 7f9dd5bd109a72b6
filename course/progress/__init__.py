"""What a learner has solved: `exercises.progress()` shows it, `python -m course.progress` exports it.

`record` is the file that each check writes to, `table` what is made of it.
"""

from course.progress.record import remember
from course.progress.table import Progress, ProgressError, progress

__all__ = ["Progress", "ProgressError", "progress", "remember"]
