"""The commands that the documentation tells people to type, and how the tests type them."""
