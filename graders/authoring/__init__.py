"""For whoever writes an exercise: a skeleton to begin with, and the proof that everything fits."""
