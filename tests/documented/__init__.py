"""What the documentation tells people to type, and how the tests type it."""
