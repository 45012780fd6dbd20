"""What the numbers are: crossbars and digital units compute when events ask, or expected averages stand for them."""
