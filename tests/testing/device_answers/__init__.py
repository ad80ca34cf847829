"""Answers to single tasks, as students write them, that handle devices correctly or wrongly."""
