"""Everything a person or a program reads about a class, made from `Report` and from nothing else."""
