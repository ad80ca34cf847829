"""From a hand-in to a `Report`: who handed in what, what of it counts, what is right of it."""
