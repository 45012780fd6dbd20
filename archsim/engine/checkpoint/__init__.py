"""The state of a run between two events, stored and taken up again."""
