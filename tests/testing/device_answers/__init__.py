"""Answers to single tasks, as students write them, that are right or wrong about devices."""
