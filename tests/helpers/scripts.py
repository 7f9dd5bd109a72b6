"""A program run as a reader runs a chapter as a script."""

import os
import subprocess
import sys

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def run_headless(command, folder):
    """Run in an empty folder without a display; returns the lines printed, blank ones left out.

    A warning on stderr fails, as a reader would see it, and so does a file that is left behind.
    """
    hidden = ("DISPLAY", "MPLBACKEND", "RANK", "WORLD_SIZE")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    # A progress bar is drawn on stderr and wiped: what counts is what stays visible.
    seen = [line.split("\r")[-1].strip() for line in run.stderr.split("\n")]
    assert not [line for line in seen if line], run.stderr[-4000:]
    assert not list(folder.iterdir()), "a chapter leaves no files behind"
    return [line for line in run.stdout.splitlines() if line.strip()]
