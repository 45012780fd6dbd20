"""What the near-memory digital unit does to numbers: affine corrections, activations and losses."""
