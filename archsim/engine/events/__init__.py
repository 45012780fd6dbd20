"""When things happen: the event kernel, the tasks of units, the control of stages, and transport between nodes."""
