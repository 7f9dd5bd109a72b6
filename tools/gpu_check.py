"""Measure every chapter on a GPU against the CPU: `tools/gpu_check.py [CHAPTER ...]`, `make gpu-check CH=01`.

Each chapter runs twice as a plain script, in a process of its own: on the CPU, then on the GPU (CUDA, else
Apple's MPS) in the precision that the course chooses there. One Markdown table tells time, peak memory, the
speed-up, and whether the results are equal: the chapter ends on both devices, so that everything holds that
it asserts, and the first losses of each training differ by no more than `TOLERANCE` times the larger of 1 and
the loss. Later losses drift apart on any two devices, and those with dropout at once: each draws its masks.

Exit status: 0 if all is equal, 1 if a chapter fails or differs, 2 if there is no GPU. `--device cpu` tries
the whole on a machine without one; then the losses must be the same bit for bit.
"""

import argparse
import json
import math
import os
import re
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from course import chapters
from course.files import write_whole

FIRST = 5  # losses of each training that are compared
TOLERANCE = {"float32": 1e-3, "bf16": 3e-2}
HEAD = (
    "chapter", "CPU", "{device}", "speed-up", "host memory, CPU", "host memory, {device}", "device memory",
    "trainings compared", "largest difference", "result",
)  # fmt: skip


def main(arguments=None):
    """Parse the command line, measure, print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("chapters", nargs="*", help="numbers or names, 01 or 01_cnn; default: all")
    parser.add_argument("--device", help="cuda, cuda:1, mps or cpu; default: the GPU that there is")
    parser.add_argument("--output", type=Path, help="write the table into this file too")
    options = parser.parse_args(arguments)
    device = options.device or gpu()
    try:
        if device is None:
            raise FileNotFoundError("no GPU: torch sees neither CUDA nor MPS; --device cpu tries it without")
        paths = [chapters.find(name) for name in options.chapters] or chapters.paths()
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows = []
    for path in paths:
        cpu = run(path, "cpu")
        rows.append(row(path.stem, cpu, cpu if "error" in cpu else run(path, device), exact=device == "cpu"))
    text = table(rows, device)
    print(f"\n{text}", end="")
    if options.output:
        write_whole(options.output, text)
    return 0 if all(cells[-1].startswith("equal") for cells in rows) else 1


def gpu():
    """The kind of GPU that there is, or None."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None


def run(path, device):
    """What one run of a chapter measured, a dict; {"error": its last line} where the chapter failed."""
    print(f"{path.stem}: on {device} ...", flush=True)
    command = [sys.executable, __file__, "--measure", str(path)]
    environment = {**os.environ, "COURSE_DEVICE": device, "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return {"error": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def row(name, cpu, gpu, exact):
    """One row of the table: a list of texts, the last one "equal" or what is not."""
    for place, found in (("CPU", cpu), ("GPU", gpu)):
        if "error" in found:
            why = found["error"].replace("|", "/")[:120]
            return [name, *["-"] * (len(HEAD) - 2), f"fails on the {place}: {why}"]
    compared, difference, result = compare(cpu["trainings"], gpu["trainings"], exact)
    return [
        name,
        f"{cpu['seconds']:.1f} s", f"{gpu['seconds']:.1f} s", f"{cpu['seconds'] / gpu['seconds']:.1f} ×",
        f"{cpu['host_mb']:.0f} MB", f"{gpu['host_mb']:.0f} MB", f"{gpu['device_mb']:.0f} MB",
        f"{compared} of {len(cpu['trainings'])}", f"{difference:.1e}", result,
    ]  # fmt: skip


def compare(cpu, gpu, exact):
    """How many trainings were compared, the largest difference of their first losses, and "equal" or not."""
    if [len(training["losses"]) for training in cpu] != [len(training["losses"]) for training in gpu]:
        return 0, math.nan, "differs: not the same trainings"
    compared = [pair for pair in zip(cpu, gpu, strict=True) if exact or not pair[0]["dropout"]]
    largest, result = 0.0, "equal" if compared else "equal, by its own assertions"
    for mine, theirs in compared:
        for a, b in zip(mine["losses"], theirs["losses"], strict=True):
            difference = math.inf if math.isnan(a - b) else abs(a - b) / max(1.0, abs(a))
            largest = max(largest, difference)
            if difference > (0.0 if exact else TOLERANCE[theirs["precision"]]):
                result = "differs: the first losses"
    return len(compared), largest, result


def table(rows, device):
    """The Markdown table with a line on the machine."""
    head = [title.format(device="second run" if device == "cpu" else device.upper()) for title in HEAD]
    lines = [head, ["---", *["---:"] * (len(head) - 2), "---"], *rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    return f"PyTorch {torch.__version__}, {torch.get_num_threads()} CPU threads, device: {name}\n\n{text}\n"


# In the process of one run


def measure(path):
    """Run a chapter; the last line printed tells what it took, and the first losses of each training."""
    from course.training import Run

    trainings, batches = [], Run.batches

    def watched(run, *arguments, **settings):
        try:
            yield from batches(run, *arguments, **settings)
        finally:
            dropout = any(has_dropout(module) for model in run.models for module in model.modules())
            first = run.history.losses[:FIRST]
            trainings.append({"losses": first, "precision": run.precision, "dropout": dropout})

    Run.batches = watched
    sys.argv = [path]
    start = time.perf_counter()
    runpy.run_path(path, run_name="__main__")
    found = {
        "seconds": time.perf_counter() - start, "trainings": trainings,
        "host_mb": host_memory() / 1e6, "device_mb": device_memory() / 1e6,
    }  # fmt: skip
    print(f"\n{json.dumps(found)}")


def has_dropout(module):
    """Whether a module draws masks in training: nn.Dropout and its kin, or a recurrent layer's `dropout`."""
    chance = module.p if "Dropout" in type(module).__name__ else getattr(module, "dropout", 0.0)
    return isinstance(chance, int | float) and chance > 0


def host_memory():
    """The most memory that this process ever held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose getrusage tells what the parent held, too
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1)) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes


def device_memory():
    """The most memory that tensors held on the GPU, in bytes; on MPS what its driver holds at the end."""
    device = os.environ["COURSE_DEVICE"]
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    return torch.mps.driver_allocated_memory() if device == "mps" else 0


if __name__ == "__main__":
    sys.exit(measure(sys.argv[2]) if sys.argv[1:2] == ["--measure"] else main())
