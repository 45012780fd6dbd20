"""What the hardware is: its specification, presets, timing, counts and prices, and its components in time."""
