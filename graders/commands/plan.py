"""Who handed in what, printed before anything is graded, and before torch is loaded."""

from __future__ import annotations

from pathlib import Path

from graders.grading.plan import Plan, plan_for
from graders.grading.roster import match, read_roster
from graders.reports.console import new_console, plain


def show_plan(submissions: Path, layout: str, roster: Path | None, in_full: bool) -> Plan:
    """Print who handed in what, before anything is graded; returns the plan.

    Args:
        layout: how the class is laid out; empty to detect it.
        roster: a CSV file with the class list.
        in_full: whether to print a line for each student.
    """
    people = read_roster(roster) if roster else None
    plan = plan_for(submissions, layout)
    matched = match(plan, people) if people is not None else None
    plan = matched.plan if matched else plan
    parts = [plan.summary(), plan.listing() if in_full else "", matched.summary() if matched else ""]
    console = new_console()
    for part in filter(None, parts):
        console.print(plain(part), soft_wrap=True)
    return plan
