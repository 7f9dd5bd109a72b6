"""All benchmarks in one table, `make bench`: each `bench_*.py` beside this file gives rows with `rows()`."""

import importlib
from pathlib import Path


def main():
    """Print name, value and bar of every row of every benchmark, as soon as each has run."""
    print(f"{'what':<64}{'measured':>12}  bar", flush=True)
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        for name, value, bar in importlib.import_module(f"tests.benchmarks.{path.stem}").rows():
            print(f"{name:<64}{value:>12.3f}  {bar}", flush=True)


if __name__ == "__main__":
    main()
