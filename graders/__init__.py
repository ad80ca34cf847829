"""The hidden side: what answers must do, and how it is tested without trusting anyone's code."""
