"""Parts for archsim from a package of its own: nothing of archsim was changed for them."""
