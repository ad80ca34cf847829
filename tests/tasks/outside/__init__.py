"""Material that nobody here wrote, and the references put to it."""
