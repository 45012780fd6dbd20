"""How fast archsim is, as ratios to what the machine allows."""
