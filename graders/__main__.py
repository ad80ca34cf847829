"""The instructor's commands: `python -m graders --help`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from graders.grading.grade import Settings
from graders.reports.wording import Feedback
from graders.sandbox.errors import SandboxFailure
from graders.sandbox.limits import Limits

from .curriculum import exercises
from .grading import batch
from .sandbox import gpu

SAMPLE_CLASS = Path(__file__).parent.parent / "tests" / "grading" / "sample_class" / "submissions"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0 means that the command did its work, whatever the grades; 1 that something was not graded; 2 that the
    arguments cannot be used; 3 that the isolation asked for cannot be had.
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m graders", description="Grade CNN exercises, truthfully and safely."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    grade = commands.add_parser("grade", help="grade a class, or one submission, and write reports")
    grade.add_argument(
        "submissions",
        nargs="?",
        type=Path,
        default=SAMPLE_CLASS,
        help="a class folder, or the .zip that a learning platform exports; or a single submission "
        "(default: the sample class)",
    )
    grade.add_argument(
        "--layout",
        metavar="NAME",
        default="",
        help="how the class is laid out: canvas, moodle, blackboard, gradescope, nbgrader, git, each (a "
        "folder, archive or file for each student) or one (a single student); default: recognised by itself",
    )
    grade.add_argument(
        "--roster",
        type=Path,
        metavar="FILE.csv",
        help="the people of the class, with a column of names, numbers or e-mail addresses: they are "
        "matched, and who handed in nothing is listed",
    )
    grade.add_argument("--dry-run", action="store_true", help="show who handed in what, and stop")
    grade.add_argument(
        "--out", type=Path, default=Path("graded"), help="where reports go (default: %(default)s)"
    )
    grade.add_argument(
        "--jobs",
        type=_positive,
        default=batch.default_jobs(),
        help="submissions at a time (default: %(default)s)",
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
        "course", help="make an nbgrader course: notebooks, configuration, instructions"
    )
    course.add_argument("folder", type=Path, help="a new or empty folder")
    course.add_argument(
        "--demo", action="store_true", help="hand in for a sample class and grade it, to look at"
    )
    course.set_defaults(run=_course)

    doctor = commands.add_parser(
        "doctor", help="what this machine offers to keep student code apart, and how to get more"
    )
    doctor.set_defaults(run=_doctor)

    stubs = commands.add_parser("stubs", help="cut exercises/ anew from solutions/")
    stubs.add_argument(
        "--check", action="store_true", help="write nothing; fail if exercises/ is not up to date"
    )
    stubs.set_defaults(run=_stubs)

    known = commands.add_parser("catalogue", help="write docs/misconceptions.md: the mistakes that are known")
    known.set_defaults(run=_catalogue)
    return parser


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="of the random questions (default: %(default)s)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="EXERCISE[.TASK]",
        help="grade this exercise or task alone; may be given again",
    )
    parser.add_argument(
        "--feedback",
        type=Feedback,
        choices=list(Feedback),
        default=Feedback.FULL,
        help="how much a student sees of a failed hidden test: %(choices)s (default: %(default)s)",
    )
    parser.add_argument(
        "--cpu-seconds", type=_positive, default=10, help="CPU time for each task (default: %(default)s)"
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
        help="where tensor tasks are asked again, besides the CPU: a GPU of this machine, none (cpu), or the "
        "slow rehearsal on a simulated one (default: %(default)s, a GPU where there is one)",
    )
    parser.add_argument(
        "--require",
        choices=("strict", "process"),
        default="strict",
        help="the least isolation to grade under: strict protects verdict and machine, process the "
        "verdict alone "
        "(default: %(default)s)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _settings(options: argparse.Namespace) -> Settings:
    known = {e.name for e in exercises()} | {f"{e.name}.{t.name}" for e in exercises() for t in e.tasks}
    for name in options.only:
        if name not in known:
            raise ValueError(
                f"--only {name}: there is no such exercise or task. There are: {', '.join(sorted(known))}"
            )
    if options.seed < 0:
        raise ValueError(f"--seed {options.seed}: a seed is 0 or more")
    limits = Limits(cpu_seconds=options.cpu_seconds, memory_bytes=options.memory << 20)
    device = gpu.find(options.device)
    return Settings(seed=options.seed, limits=limits, device=device, only=tuple(options.only))


def _grade(options: argparse.Namespace) -> int:
    from graders.sandbox.isolation import device_within, proven_tier

    from .commands import grade_class, show_plan

    settings = _settings(options)
    plan = show_plan(options.submissions, options.layout, options.roster, in_full=options.dry_run)
    if options.dry_run:
        return 1 if plan.refused else 0
    tier, insisted = proven_tier(options.require), options.device != "auto"
    device = device_within(settings.device, tier, options.require, insisted=insisted)
    settings = replace(settings, device=device)
    return grade_class(plan, options.out, settings, tier, options.jobs, options.feedback, options.gradebook)


def _check_one(options: argparse.Namespace) -> int:
    from .commands import check_one

    settings, insisted = _settings(options), options.device != "auto"
    return check_one(options.submission, settings, options.require, options.feedback, insisted)


def _doctor(options: argparse.Namespace) -> int:
    from graders.sandbox.isolation import examine

    return examine()


def _release(options: argparse.Namespace) -> int:
    from graders.course.kit import release

    release(options.folder)
    print(f"The student kit is in {options.folder}. Its README.md says how to begin.")
    return 0


def _course(options: argparse.Namespace) -> int:
    from graders.course.course import write_course

    if options.demo:
        from graders.course.demo import demonstrate

        return demonstrate(options.folder)
    write_course(options.folder)
    print(f"The course is in {options.folder}. Its README.md says how to begin.")
    return 0


def _catalogue(options: argparse.Namespace) -> int:
    from graders.diagnosis.page import PAGE, page

    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


def _stubs(options: argparse.Namespace) -> int:
    from graders.course.stubs import stale_stubs, write_stubs

    if options.check:
        stale = stale_stubs()
        for path in stale:
            print(f"{path} is not what `python -m graders stubs` makes", file=sys.stderr)
        return 1 if stale else 0
    for path in write_stubs():
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
