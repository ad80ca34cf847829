"""Everything a person or a program reads about a class, drawn from `Report` and from nothing else."""
