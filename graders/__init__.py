"""The hidden side: what must hold, and how it is found out without trusting anyone's code."""
