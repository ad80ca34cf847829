"""The instructor's commands: `python -m graders --help`.

Arguments are read and checked here, in a fraction of a second. What grades takes seconds to load (torch,
hypothesis), so every command imports what it needs, and only when nothing is left to complain about.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .curriculum import exercises
from .output_folder import check_new, check_writable
from .reports.feedback import Feedback
from .sandbox import gpu
from .sandbox.errors import SandboxFailure

if TYPE_CHECKING:
    from .grading.grade import Settings

SAMPLE_CLASS = Path(__file__).parent.parent / "tests" / "grading" / "sample_class" / "submissions"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0 means that the command did its work, whatever the grades; 1 that something couldn't be graded; 2 that
    the arguments are invalid; 3 that the requested isolation isn't available.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (FileNotFoundError, FileExistsError, NotADirectoryError, ValueError) as error:
        print(f"graders: {error}", file=sys.stderr)
        return 2
    except SandboxFailure as error:
        print(f"graders: nothing was graded: {error}", file=sys.stderr)
        return 3
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] in ("exercises", "graders", "solutions"):
            raise
        extra = "course" if options.run is _course else "grader"
        install = f'python -m pip install "cnn-by-hand[{extra}]"'
        print(f"graders: {error.name} is not installed ({install})", file=sys.stderr)
        return 2


def _called() -> str:
    """The name of the command, as it was typed."""
    name = Path(sys.argv[0]).stem
    return name if name == "cnn-by-hand" else "python -m graders"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_called(), description="Grade CNN exercises, truthfully and safely."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    grade = commands.add_parser("grade", help="grade a class, or one submission, and write reports")
    grade.add_argument(
        "submissions",
        nargs="?" if SAMPLE_CLASS.is_dir() else None,
        type=Path,
        default=SAMPLE_CLASS,
        help="a class folder, the .zip that a learning platform exports, or a single submission (default: "
        "the sample class, which only a source checkout has)",
    )
    grade.add_argument(
        "--layout",
        metavar="NAME",
        default="",
        help="how the class is laid out: canvas, moodle, blackboard, gradescope, nbgrader, git, each (a "
        "folder, archive or file for each student) or one (a single student); default: detected",
    )
    grade.add_argument(
        "--roster",
        type=Path,
        metavar="FILE.csv",
        help="the class list, with a column of names, numbers or e-mail addresses; submissions are matched "
        "with it, and students who handed in nothing are listed",
    )
    grade.add_argument("--dry-run", action="store_true", help="show who handed in what, and stop")
    grade.add_argument(
        "--out", type=Path, default=Path("graded"), help="where reports go (default: %(default)s)"
    )
    grade.add_argument(
        "--jobs",
        type=_positive,
        default=_cores(),
        help="how many submissions to grade at a time (default: %(default)s)",
    )
    grade.add_argument(
        "--gradebook",
        metavar="URL",
        default="",
        help="the nbgrader gradebook to write into, such as sqlite:///course/gradebook.db or "
        "postgresql+psycopg2://user@host/course (default: gradebook.db where the reports go)",
    )
    _shared(grade)
    _isolated(grade)
    grade.set_defaults(run=_grade)

    one = commands.add_parser("check-one", help="grade one submission and show every task in the terminal")
    one.add_argument("submission", type=Path, help="a folder, .zip, .ipynb or .py")
    _shared(one)
    _isolated(one)
    one.set_defaults(run=_check_one)

    release = commands.add_parser("release", help="write the student kit: stubs, checks, hints, instructions")
    release.add_argument("folder", type=Path, help="a new or empty folder")
    release.set_defaults(run=_release)

    course = commands.add_parser(
        "course", help="write an nbgrader course: notebooks, configuration, instructions"
    )
    course.add_argument("folder", type=Path, help="a new or empty folder")
    course.add_argument("--demo", action="store_true", help="add a sample class and grade it, as an example")
    course.set_defaults(run=_course)

    doctor = commands.add_parser(
        "doctor", help="show how well this machine can isolate student code, and how to improve it"
    )
    doctor.set_defaults(run=_doctor)

    stubs = commands.add_parser("stubs", help="regenerate exercises/ from solutions/")
    stubs.add_argument(
        "--check", action="store_true", help="write nothing; fail if exercises/ is not up to date"
    )
    stubs.set_defaults(run=_stubs)

    new = commands.add_parser("new", help="write the files of a new exercise, to be changed step by step")
    new.add_argument("name", help="a lower-case name, such as dilation")
    new.set_defaults(run=_new)

    proved = commands.add_parser(
        "check-exercise",
        help="prove an exercise: declarations, stub, reference, mutants, known mistakes",
        description="Prove an exercise. The exit status is 0 if everything was proved, 1 if something was "
        "not, 2 if something is declared wrongly.",
    )
    proved.add_argument("name", help="the exercise, such as pooling")
    proved.add_argument("--quick", action="store_true", help="look at declarations only, in seconds")
    proved.set_defaults(run=_check_exercise)

    known = commands.add_parser("catalogue", help="write docs/misconceptions.md, the list of known mistakes")
    known.set_defaults(run=_catalogue)
    return parser


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="seed of the random tests (default: %(default)s)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="EXERCISE[.TASK]",
        help="grade only this exercise or task; can be given several times",
    )
    parser.add_argument(
        "--feedback",
        type=Feedback,
        choices=list(Feedback),
        default=Feedback.FULL,
        help="how much a student sees of a failed hidden test: %(choices)s (default: %(default)s)",
    )
    parser.add_argument(
        "--cpu-seconds",
        type=_positive,
        default=10,
        help="CPU time for each task, in seconds (default: %(default)s)",
    )
    parser.add_argument(
        "--memory",
        type=_positive,
        default=1024,
        metavar="MIB",
        help="memory for each submission (default: %(default)s MiB)",
    )


def _isolated(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        choices=gpu.CHOICES,
        default="auto",
        help="where to run tensor tasks a second time, after the CPU: on a GPU of this machine, nowhere "
        "(cpu), or on a simulated GPU as a slow rehearsal (default: %(default)s, a GPU if there is one)",
    )
    parser.add_argument(
        "--require",
        choices=("strict", "process"),
        default="strict",
        help="the weakest isolation to accept: strict protects verdicts and machine, process protects only "
        "verdicts (default: %(default)s)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _cores() -> int:
    """How many cores this process may use: one submission at a time for each."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check(options: argparse.Namespace) -> None:
    """Refuse what only the course can tell to be wrong.

    Raises:
        ValueError: with the option, and what it may be.
    """
    known = {e.name for e in exercises()} | {f"{e.name}.{t.name}" for e in exercises() for t in e.tasks}
    for name in options.only:
        if name not in known:
            raise ValueError(
                f"--only {name}: there is no such exercise or task. Choose from: {', '.join(sorted(known))}"
            )
    if options.seed < 0:
        raise ValueError(f"--seed {options.seed}: a seed must be 0 or more")


def _settings(options: argparse.Namespace) -> Settings:
    device = gpu.find(options.device)
    from .grading.grade import Settings
    from .sandbox.limits import Limits

    limits = Limits(cpu_seconds=options.cpu_seconds, memory_bytes=options.memory << 20)
    return Settings(seed=options.seed, limits=limits, device=device, only=tuple(options.only))


def _grade(options: argparse.Namespace) -> int:
    _check(options)
    if not options.dry_run:
        check_writable(options.out)
    from .commands.plan import show_plan

    plan = show_plan(options.submissions, options.layout, options.roster, in_full=options.dry_run)
    if options.dry_run:
        return 1 if plan.refused else 0
    settings = _settings(options)
    _refuse_what_is_declared_wrongly()
    from .commands.grade import grade_class
    from .sandbox.isolation import device_within, proven_tier

    tier, insisted = proven_tier(options.require), options.device != "auto"
    device = device_within(settings.device, tier, options.require, insisted=insisted)
    settings = replace(settings, device=device)
    return grade_class(plan, options.out, settings, tier, options.jobs, options.feedback, options.gradebook)


def _check_one(options: argparse.Namespace) -> int:
    _check(options)
    from .grading.plan import one_hand_in

    source = one_hand_in(options.submission)
    settings, insisted = _settings(options), options.device != "auto"
    _refuse_what_is_declared_wrongly()
    from .commands.grade import check_one

    return check_one(source, settings, options.require, options.feedback, insisted)


def _doctor(options: argparse.Namespace) -> int:
    from .sandbox.isolation import examine

    return examine()


def _release(options: argparse.Namespace) -> int:
    check_new(options.folder)
    _refuse_what_is_declared_wrongly()
    from .course.kit import release

    release(options.folder)
    print(f"The student kit is in {options.folder}. Its README.md tells you how to start.")
    return 0


def _course(options: argparse.Namespace) -> int:
    check_new(options.folder)
    _refuse_what_is_declared_wrongly()
    if options.demo:
        from .course.demo import demonstrate

        return demonstrate(options.folder)
    from .course.course import write_course

    write_course(options.folder)
    print(f"The course is in {options.folder}. Its README.md tells you how to start.")
    return 0


def _new(options: argparse.Namespace) -> int:
    from .authoring.skeleton import write_skeleton

    for path in write_skeleton(options.name):
        print(f"wrote {path}")
    print(f"Change them step by step, and prove them: python -m graders check-exercise {options.name}")
    return 0


def _check_exercise(options: argparse.Namespace) -> int:
    known = [exercise.name for exercise in exercises()]
    if options.name not in known:
        raise ValueError(f"{options.name}: there is no such exercise. There are: {', '.join(known)}")
    from .commands.check_exercise import check_exercise

    return check_exercise(options.name, options.quick)


def _refuse_what_is_declared_wrongly() -> None:
    from .authoring.declared import refuse_what_is_wrong

    refuse_what_is_wrong()


def _catalogue(options: argparse.Namespace) -> int:
    from .course.checkout import in_checkout
    from .diagnosis.page import PAGE, page

    (in_checkout(PAGE.parent) / PAGE.name).write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


def _stubs(options: argparse.Namespace) -> int:
    from .course.stubs import stale_stubs, write_stubs

    if options.check:
        stale = stale_stubs()
        for path in stale:
            print(f"{path} is out of date; run `python -m graders stubs`", file=sys.stderr)
        return 1 if stale else 0
    for path in write_stubs():
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
