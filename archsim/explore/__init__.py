"""Many runs of one kind: the points of a grid under several seeds, in folders that can be taken up again."""

from archsim.explore.folder import POINTS_FILE, load_collection
from archsim.explore.points import run_points

__all__ = ["POINTS_FILE", "load_collection", "run_points"]
