"""The formgrader in a real browser: the class, a submission, a manual comment, and no script of a student."""

# ruff: noqa: E402 - what follows importorskip needs nbgrader
from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")
pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
pytestmark = [
    pytest.mark.full,
    pytest.mark.xdist_group("nbgrader"),
    pytest.mark.filterwarnings("ignore:Object of type"),
]

import nbformat
from nbgrader.api import Gradebook
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from graders.course.course import write_course
from graders.course.demo import hostile_notebook, nbgrader, right_notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formgrader") / "course"
    write_course(folder)
    for student, made in (("ada", right_notebook("conv2d")), ("fatima", hostile_notebook("conv2d"))):
        home = folder / "submitted" / student / "conv2d"
        home.mkdir(parents=True)
        (home / "conv2d.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    for step in ("generate_assignment", "autograde"):
        done = nbgrader(folder, step, "conv2d")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def address(course: Path) -> Iterator[str]:
    """The address of a Jupyter server with the formgrader."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shutil.copyfile(course / "nbgrader_config.py", course / "jupyter_server_config.py")
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}"]
    extension = "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    log = (course / "server.log").open("w", encoding="utf-8")
    server = subprocess.Popen(
        [*command, "--IdentityProvider.token=", extension],
        cwd=course,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail((course / "server.log").read_text(encoding="utf-8")[-2000:])
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)
        log.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no browser: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-dev-shm-usage",
        "--window-size=1300,1800",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(option)
    options.page_load_strategy = "eager"
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    running.set_page_load_timeout(120)
    yield running
    running.quit()


def see(browser: Any, address: str, page: str, wanted: str) -> str:
    """Open a page and wait until it shows something."""
    browser.get(f"{address}/{page}")
    WebDriverWait(browser, 90).until(lambda b: wanted in b.page_source)
    return str(browser.page_source)


def submission_id(course: Path, student: str) -> str:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return str(gradebook.find_submission_notebook("conv2d", "conv2d", student).id)


def test_the_class_is_shown_with_its_scores(course: Path, address: str, browser: Any) -> None:
    text = see(browser, address, "formgrader/gradebook/conv2d/conv2d", "Submission #")
    assert "32" in text
    browser.save_screenshot(str(course / "class.png"))


def test_a_submission_shows_the_verdicts_and_takes_a_comment(
    course: Path, address: str, browser: Any
) -> None:
    page = f"formgrader/submissions/{submission_id(course, 'fatima')}/"
    see(browser, address, page, "forbidden")
    assert "owned" not in browser.title
    box = browser.find_element(By.ID, "conv2d-comment")
    # The automatic comment is what an empty box shows.
    WebDriverWait(browser, 60).until(lambda _: "forbidden" in (box.get_attribute("placeholder") or ""))
    box.clear()
    box.send_keys("Please write it yourself.")
    browser.execute_script("arguments[0].dispatchEvent(new Event('change')); arguments[0].blur()", box)

    def written(_: Any) -> bool:
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
            found = gradebook.find_comment("conv2d", "conv2d", "conv2d", "fatima")
            return bool(found.manual_comment == "Please write it yourself.")

    WebDriverWait(browser, 60).until(written)
    browser.execute_script("arguments[0].scrollIntoView()", browser.find_element(By.ID, "conv2d-comment"))
    browser.save_screenshot(str(course / "submission.png"))
