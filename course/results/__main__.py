"""`python -m course.results 01 [names]`: record a chapter's results again."""

import argparse
import sys

from course import results


def main():
    """Record what the command line names; returns the exit status."""
    parser = argparse.ArgumentParser("python -m course.results", description="record a chapter's results")
    parser.add_argument("chapter", help="number or name, such as 01")
    parser.add_argument("names", nargs="*", help="entries of the chapter's RECORDED; all by default")
    options = parser.parse_args()
    try:
        for path in results.record(options.chapter, options.names or None):
            print(f"written: {path.relative_to(results.FILES)}")
    except (FileNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
