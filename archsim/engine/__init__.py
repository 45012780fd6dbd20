"""Runs a schedule on a simulated chip: events in integer time, coupled to the numbers."""
