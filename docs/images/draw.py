"""Draw the README's picture: the page of a student of the sample class, as a browser shows it.

    python docs/images/draw.py

It grades two tasks, which takes some seconds, and needs Chromium (on Debian: `apt install chromium`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STUDENT = "george"
TASKS = ("pooling.pool2d", "pooling.AvgPool2d")
SIZE = (760, 612)
"""Width and height, in pixels; the height cuts off the page's empty end."""


def main() -> int:
    """Write `feedback.png` beside this file."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no browser: apt install chromium", file=sys.stderr)
        return 2
    submission = next(ROOT.glob(f"tests/**/sample_class/submissions/{STUDENT}"))
    with tempfile.TemporaryDirectory() as folder:
        only = [word for task in TASKS for word in ("--only", task)]
        grade = [sys.executable, "-m", "graders", "grade", str(submission), "--out", folder, *only]
        subprocess.run(grade, cwd=ROOT, check=True)
        (page,) = Path(folder, "feedback").glob("*.html")
        window = f"--window-size={SIZE[0]},{SIZE[1]}"
        picture = f"--screenshot={HERE / 'feedback.png'}"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", window, picture]
        subprocess.run([browser, *flags, page.as_uri()], check=True, stderr=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
