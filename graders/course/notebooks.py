"""One notebook for each exercise, generated from `solutions/`, with nbgrader's metadata.

The *source* notebook contains the reference, which `nbgrader generate_assignment` removes
(`preprocessors.CutSolutions`). The result is the *release* notebook, from which submissions are rebuilt for
grading. Neither contains hidden tests: a grade cell names its task and, in the student's kernel, runs the
visible checks.
"""

from __future__ import annotations

import ast
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from graders.curriculum import Exercise, Task, cells, exercise_named

from .cell_ids import OURS, grade_id, max_score, solution_id
from .stubs import without_solution

_SCHEMA = 3
_SETUP = """\
from exercises.checks.notebook import checks_of, picture

check = checks_of("{exercise}", globals())"""
_HELPERS = """\
# Helper functions that several tasks use can go here, such as a shape check. This cell may stay empty."""


def source_notebook(name: str) -> Any:
    """The instructor's notebook of one exercise, which contains the reference."""
    about = exercise_named(name)
    made: list[Any] = []
    counts: dict[str, int] = {}

    def numbered(kind: str) -> str:
        counts[kind] = counts.get(kind, 0) + 1
        return f"{kind}-{counts[kind]}"

    waiting: Task | None = None
    for cell in cells(name):
        tags = cell.metadata.get("tags", [])
        if "hints" in cell.metadata:
            task = next(task for task in about.tasks if task.name == cell.metadata["hints"])
            made.append(_markdown(f"hints-{task.name}", _hints(task)))
            made.append(_grade_cell(task))
            waiting = None
        elif "task" in cell.metadata:
            waiting = next(task for task in about.tasks if task.name == cell.metadata["task"])
            made += _task_cells(waiting, cell)
        elif cell.cell_type == "markdown":
            text = _introduced(cell.source, about) if not made else cell.source
            made.append(_markdown(numbered("text"), text))
        elif "reference" in tags:
            made.append(_code(numbered("reference"), cell.source, {OURS: {"reference": True}}))
        elif "example" in tags:
            made.append(_code(numbered("example"), _example(cell.source)))
        else:
            made.append(_provided(numbered("provided"), cell.source))
            if counts["provided"] == 1:
                made.append(_provided("setup", _SETUP.format(exercise=name)))
    assert waiting is None, f"solutions/{name}.py: no hints follow task {waiting}"
    return _notebook(made, name)


def release_notebook(name: str) -> Any:
    """What students get: the source notebook without the reference and its helpers."""
    notebook = source_notebook(name)
    notebook.cells = released_cells(notebook.cells)
    return notebook


def released_cells(source: list[Any]) -> list[Any]:
    """The cells of a source notebook as they are released; cells that aren't ours stay as they are."""
    kept = [cell for cell in source if not cell.metadata.get(OURS, {}).get("reference")]
    for cell in kept:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("solution") and OURS in cell.metadata:
            cell.source = without_solution(cell.source)
    return kept


def checksummed(notebook: Any) -> Any:
    """The notebook with nbgrader's checksums."""
    from nbgrader.preprocessors import ComputeChecksums

    return ComputeChecksums().preprocess(notebook, {})[0]


# -------------------------------------------------------------------------------------------------- cells


def _notebook(made: list[Any], name: str) -> Any:
    notebook = new_notebook(
        cells=made,
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            OURS: {"exercise": name},
        },
    )
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return notebook


def _markdown(id: str, source: str) -> Any:
    return new_markdown_cell(source, id=id)


def _code(id: str, source: str, metadata: dict[str, Any] | None = None) -> Any:
    return new_code_cell(source, id=id, metadata=metadata or {})


def _provided(id: str, source: str) -> Any:
    return _code(id, source, {"nbgrader": _nbgrader(id, locked=True)})


def _task_cells(task: Task, cell: Any) -> list[Any]:
    about = {"nbgrader": _nbgrader(solution_id(task), solution=True), OURS: {"task": task.name}}
    if cell.cell_type == "code":
        return [_markdown(f"task-{task.name}", _heading(task)), _code(solution_id(task), cell.source, about)]
    # A task without a function of its own is described in prose; its solution cell is for helpers and
    # comments.
    text = f"{cell.source}\n\n{_heading(task)}"
    return [_markdown(f"task-{task.name}", text), _code(solution_id(task), _HELPERS, about)]


def _grade_cell(task: Task) -> Any:
    bonus = ", bonus=True" if task.kind == "stretch" else ""
    about = _nbgrader(grade_id(task), grade=True, locked=True) | {"points": max_score(task)}
    source = (
        f"# {_worth(task)}. Runs the visible examples; the grader tests more.\ncheck({task.name!r}{bonus})"
    )
    return _code(grade_id(task), source.replace("'", '"'), {"nbgrader": about, OURS: {"task": task.name}})


def _nbgrader(
    id: str, *, grade: bool = False, solution: bool = False, locked: bool = False
) -> dict[str, Any]:
    return {
        "schema_version": _SCHEMA,
        "grade_id": id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
    }


def _worth(task: Task) -> str:
    return f"{task.name}: {task.points:g} {'points' if task.kind == 'core' else 'bonus points'}"


def _heading(task: Task) -> str:
    stars = "●" * task.difficulty + "○" * (5 - task.difficulty)
    by_hand = ", by hand" if task.by_hand else ""
    return f"**{_worth(task)}**{by_hand} · difficulty {stars} · about {task.minutes} minutes"


def _hints(task: Task) -> str:
    names = ("Hint 1", "Hint 2", "Hint 3 (nearly the answer)")
    folded = (
        f"<details><summary>{name}</summary>\n\n{hint}\n\n</details>"
        for name, hint in zip(names, task.hints, strict=True)
    )
    return "\n".join(folded)


def _introduced(source: str, about: Exercise) -> str:
    points = sum(task.points for task in about.tasks if task.kind == "core")
    bonus = sum(task.points for task in about.tasks if task.kind == "stretch")
    return (
        f"{source}\n\n*{points:g} points, and {bonus:g} bonus points for stretch tasks. Write your solutions "
        "in the cells that say `raise NotImplementedError`. You may add your own cells: functions, classes, "
        "imports and constants in them are graded along with your solutions; plots, prints and lines that "
        "start with `%` or `!` are skipped. After each task, there is a cell that checks it on examples.*"
    )


def _example(source: str) -> str:
    """An example as a notebook cell: without the `__main__` guard, and with a picture of its tensors."""
    tree = ast.parse(source)
    guard = tree.body[0] if len(tree.body) == 1 else None
    if isinstance(guard, ast.If) and ast.unparse(guard.test) == "__name__ == '__main__'":
        lines = source.splitlines()[guard.body[0].lineno - 1 :]
        comments = source.splitlines()[guard.lineno : guard.body[0].lineno - 1]
        source = "\n".join(line[4:] if line.startswith("    ") else line for line in (*comments, *lines))
        tree = ast.parse(source)
    source = "\n".join(line.partition("  # type: ignore")[0] for line in source.splitlines())
    names = [
        name for statement in tree.body if isinstance(statement, ast.Assign) for name in _plain(statement)
    ]
    drawn = list(dict.fromkeys(names))
    if len(drawn) < 2:
        return source
    return f"{source}\n\npicture({', '.join(f'{name}={name}' for name in drawn)})"


def _plain(statement: ast.Assign) -> list[str]:
    """The names that a statement assigns tensors to, also in tuples, but not reshaped copies or objects."""
    values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    made = [
        value.func.attr
        for value in values
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
    ]
    if any(name in ("reshape", "item", "tolist") or name[:1].isupper() for name in made):
        return []
    found: list[str] = []
    for target in statement.targets:
        elements = target.elts if isinstance(target, ast.Tuple) else [target]
        found += [element.id for element in elements if isinstance(element, ast.Name)]
    return found
