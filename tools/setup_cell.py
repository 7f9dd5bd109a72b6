# Set-up. Opened alone, as on Colab, this installs the course, and changes no other package.
import importlib.util

found = importlib.util.find_spec("course")
if found is None or found.origin is None:  # a mere folder of that name has no origin
    import os
    import re
    import subprocess
    import sys
    import tempfile

    print("Installing the course ...")
    address = "git+https://github.com/OWNER/NAME"
    source = os.environ.get("COURSE_SOURCE", address)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as there:
        subprocess.run([*pip, "list", "--format=freeze"], stdout=there)
        run = subprocess.run([*pip, "install", "-c", there.name, source], capture_output=True, text=True)
    if run.returncode:
        clash = re.search(r"(\S+ \S+ depends on .+)[\s\S]+?\(constraint\) (\S+)", run.stdout)
        error = re.search(r"(?i)(fatal|error): .+|$", run.stderr)
        reason = f"{clash[1]}, but {clash[2]} is installed" if clash else error[0]
        raise RuntimeError(f"the course cannot be installed here: {reason}")
    importlib.invalidate_caches()

import course

course.setup()
