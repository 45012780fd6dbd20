"""What explains a makespan: the longest path through tasks, and the causes of idle time. Numbers in, numbers out."""

from archsim.explanation.flushes import DRAIN, FILL, FLUSH, begins_after_flush, flushed_mini_batches
from archsim.explanation.task_graph import START, TaskGraph
from archsim.explanation.words import bubble_text, percent, shares_text

__all__ = [
    "DRAIN",
    "FILL",
    "FLUSH",
    "START",
    "TaskGraph",
    "begins_after_flush",
    "bubble_text",
    "flushed_mini_batches",
    "percent",
    "shares_text",
]
