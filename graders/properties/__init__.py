"""What must hold: pytest and hypothesis, one file an exercise."""
