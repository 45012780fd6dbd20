"""Keys that change no result of the experiments here, each with its reason."""

from __future__ import annotations

__all__ = ["EXCUSED"]

_WORDS = "words for people"
_FILES = "says which file is read; tests/data and tests/test_paths.py read them"
_RESETS = (
    "acts where a one-sided pair is refreshed, which is shown for soft-bounds; one base class holds it for all kinds"
)
_BIAS = "refused: there are no analog biases"
_SHAPE = "the network's shape; tests/network builds others"
_TOKENS = "the samples of the experiments here are no tokens; tests/network/test_embeddings.py has some"
_PULSED = (
    "ConstantStep",
    "ExpStep",
    "ExponentialResponse",
    "LinearResponse",
    "LinearStep",
    "PiecewiseStep",
    "PowStep",
    "PowStepReference",
    "PowerResponse",
    "SoftBoundsPmax",
    "SoftBoundsReference",
)

EXCUSED: dict[tuple[str, str], str] = {
    ("Experiment", "name"): _WORDS,
    ("Experiment", "description"): _WORDS,
    ("Chip", "name"): _WORDS,
    ("Chip", "description"): _WORDS,
    ("NetworkSpecification", "name"): _WORDS,
    ("Layer", "name"): "the name that other keys and results use",
    ("Origin", "source"): _WORDS,
    ("NetworkSpecification", "weights"): _FILES,
    ("FileSpecification", "path"): "says which file is read; tests/schedule/test_file.py reads some",
    ("DataSpecification", "name"): _FILES,
    ("DataSpecification", "path"): _FILES,
    ("DataSpecification", "train_files"): _FILES,
    ("DataSpecification", "test_files"): _FILES,
    ("DataSpecification", "windows"): _FILES,
    ("ArrayNames", "classes"): _FILES,
    ("ArrayNames", "test_inputs"): _FILES,
    ("ArrayNames", "test_targets"): _FILES,
    ("ArrayNames", "train_inputs"): _FILES,
    ("ArrayNames", "train_targets"): _FILES,
    ("TextWindows", "length"): "cuts the samples of a text; tests/data/test_text.py cuts some",
    ("TextWindows", "encoding"): "tells the samples of a text; tests/data/test_text.py reads both",
    ("Layer", "inputs"): _SHAPE,
    ("ReshapeLayer", "shape"): _SHAPE,
    ("TransposeLayer", "axes"): _SHAPE,
    ("EmbeddingLayer", "vocabulary"): _TOKENS,
    ("EmbeddingLayer", "features"): _TOKENS,
    ("EmbeddingLayer", "initial_std"): _TOKENS,
    ("StopAt", "perplexity"): "needs a target for each position; tests/integration/test_test_loss.py stops at one",
    ("RunSpecification", "checkpoint_every"): "how often what is there is written",
    ("RunSpecification", "threads"): "results never depend on threads, which tests/analog and tests/_core show",
    **{(kind, "reset_std"): _RESETS for kind in _PULSED},
    **{(kind, "perfect_bias"): _BIAS for kind in ("CellStatistics", *_PULSED, "SoftBounds")},
}
