"""What is cut from `solutions/` for students: stubs, hints and the kit."""
