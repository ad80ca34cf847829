"""From a hand-in to a `Report`: who handed in what, which parts count, and what is right."""
