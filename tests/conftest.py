"""Settings of all tests: hypothesis judges results, never the speed of the machine."""

from hypothesis import settings

settings.register_profile("archsim", deadline=None)
settings.load_profile("archsim")
