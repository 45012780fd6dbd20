"""Runs a schedule on a simulated chip: `events` in integer time, coupled to the `numbers`, and `checkpoint` of both.

What both rooms share stands here: what a stage does (`program`), what is known before the run (`setup`), what events
ask of the numbers (`work`), and who is told of ended actions (`observer`).
"""
