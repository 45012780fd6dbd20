"""What a run leaves behind: counts, learning curve, timeline, metrics; saved, loaded, compared."""
