"""Many runs of one kind: points of a design space under several seeds, in folders that can be taken up again."""

from archsim.explore.folder import load_collection
from archsim.explore.points import run_points
from archsim.explore.record import POINTS_FILE
from archsim.explore.searches import Search
from archsim.explore.sweeping import Sweep, SweepProgress, sweep

__all__ = ["POINTS_FILE", "Search", "Sweep", "SweepProgress", "load_collection", "run_points", "sweep"]
