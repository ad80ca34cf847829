"""Test material that nobody here wrote, and how our references are run on it."""
