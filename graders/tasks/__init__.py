"""What must hold: pytest and hypothesis, one package an exercise."""

from solutions import HOMES

__path__ += [str(home / "graders" / "tasks") for home in HOMES[1:]]
