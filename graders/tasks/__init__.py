"""What must hold: pytest and hypothesis, one package an exercise."""
