from archsim._core.baseline import (
    Converters,
    PulseRules,
    all_finite,
    apply_trains,
    exact_update,
    normals,
    philox,
    pulse_trains,
    read,
)

__all__ = [
    "Converters",
    "PulseRules",
    "all_finite",
    "apply_trains",
    "exact_update",
    "normals",
    "philox",
    "pulse_trains",
    "read",
]
