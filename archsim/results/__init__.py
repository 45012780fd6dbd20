"""What a run leaves behind: counts, learning curve, timeline, metrics; saved, loaded, compared."""

from archsim.results.buffers import buffer_table
from archsim.results.collection import RunCollection, points_table, runs_table
from archsim.results.compare import compare_runs, equal_weights, paired_differences
from archsim.results.compared import COMPARED_COLUMNS, COMPARED_METRICS
from archsim.results.constants import ConstantRecord
from archsim.results.contrasts import contrasts
from archsim.results.differences import ABSENT, differing_keys
from archsim.results.discrepancy import discrepancy_table
from archsim.results.firsts import firsts
from archsim.results.inference import inference_table
from archsim.results.learning import LearningCurve
from archsim.results.ledger import Ledger
from archsim.results.load import load_run
from archsim.results.metrics import METRICS, Metric, MetricValue
from archsim.results.observations import Observations
from archsim.results.provenance import Provenance, collect_provenance
from archsim.results.run import Run, make_run
from archsim.results.save import check_run_directory
from archsim.results.slices import Slices
from archsim.results.staleness import staleness_table
from archsim.results.tally import Tally
from archsim.results.targets import ToTarget, targets_table
from archsim.results.timeline import Timeline

__all__ = [
    "ABSENT",
    "COMPARED_COLUMNS",
    "COMPARED_METRICS",
    "METRICS",
    "ConstantRecord",
    "LearningCurve",
    "Ledger",
    "Metric",
    "MetricValue",
    "Observations",
    "Provenance",
    "Run",
    "RunCollection",
    "Slices",
    "Tally",
    "Timeline",
    "ToTarget",
    "buffer_table",
    "check_run_directory",
    "collect_provenance",
    "compare_runs",
    "contrasts",
    "differing_keys",
    "discrepancy_table",
    "equal_weights",
    "firsts",
    "inference_table",
    "load_run",
    "make_run",
    "paired_differences",
    "points_table",
    "runs_table",
    "staleness_table",
    "targets_table",
]
