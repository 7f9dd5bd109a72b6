"""`python -m course.progress [--export FILE] [--learner NAME]`: print what is solved, write it as CSV."""

import argparse
import sys

from course.progress import ProgressError, progress


def main():
    """Print the table and write what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course.progress", description="print which exercises are solved"
    )
    parser.add_argument("--export", metavar="FILE", help="write them as CSV too")
    parser.add_argument("--learner", metavar="NAME", help="the name in the CSV; by default the login name")
    options = parser.parse_args()
    shown = progress()
    print(shown)
    if options.export:
        try:
            print(f"written: {shown.export(options.export, options.learner)}")
        except ProgressError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
