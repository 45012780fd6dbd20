"""Matrix to tiles, layers to stages, stages to places: one immutable plan."""

from archsim.mapping.make import make_plan
from archsim.mapping.plan import Block, Part, Placement, Plan, StagePlan

__all__ = ["Block", "Part", "Placement", "Plan", "StagePlan", "make_plan"]
