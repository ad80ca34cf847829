"""Everything that students and courses get, generated from `solutions/`: stubs, hints, the kit, notebooks."""
