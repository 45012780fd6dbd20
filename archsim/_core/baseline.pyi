from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class Converters:
    def __init__(
        self,
        *,
        perfect: bool,
        scaling: int,
        nm_thres: float,
        nm_assumed_wmax: float,
        worst_case: bool,
        negative_bound: bool,
        max_bm_factor: float,
        max_bm_scale: float,
        inp_bound: float,
        inp_step: float,
        stochastic_rounding: bool,
        inp_noise: float,
        inp_asymmetry: float,
        passes: int,
        ir_drop: float,
        ir_drop_g_ratio: float,
        voltages: bool,
        v_offset_w_min: float,
        r_series: float,
        r_series_max_total: float,
        pcm_read: bool,
        w_noise: float,
        shaped: bool,
        out_asymmetry: float,
        out_noise: float,
        uneven: bool,
        out_bound: float,
        out_step: float,
        out_scale: float,
        lines: NDArray[np.float32],
    ) -> None: ...
    @property
    def max_bm_scale(self) -> float: ...

@final
class PulseRules:
    def __init__(
        self,
        *,
        desired_bl: int,
        management: bool,
        bl_management: bool,
        granularity: float,
        um_grad_scale: float,
        scheme: str = "stochastic",
        x_step: float = 0.0,
        d_step: float = 0.0,
    ) -> None: ...

@final
class Trains:
    def __init__(self, outputs: int, inputs: int) -> None: ...
    def draw(
        self,
        rules: PulseRules,
        x: NDArray[np.float32],
        d: NDArray[np.float32],
        learning_rate: float,
        key: int,
        crossbar: int,
        x_purpose: int,
        d_purpose: int,
        first_vector: int,
    ) -> tuple[int, int, int, int]: ...
    def prepare(
        self, rules: PulseRules, x: NDArray[np.float32], d: NDArray[np.float32], learning_rate: float
    ) -> None: ...
    def fill(
        self,
        first_side: int,
        last_side: int,
        rules: PulseRules,
        x: NDArray[np.float32],
        d: NDArray[np.float32],
        learning_rate: float,
        key: int,
        crossbar: int,
        x_purpose: int,
        d_purpose: int,
        first_vector: int,
    ) -> None: ...
    def finish(self) -> tuple[int, int, int, int]: ...
    def take(self, rows: NDArray[np.int32], counts: NDArray[np.int32]) -> tuple[int, int, int]: ...
    def hold_back(self, lines: NDArray[np.int32], vectors: NDArray[np.int32]) -> None: ...
    def let_go(self) -> bool: ...
    def words(
        self,
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]: ...

@final
class Response:
    def __init__(
        self,
        family: str,
        *,
        exact: bool,
        deviation: float,
        noise_add: float = 0.0,
        noise_slope: float = 0.0,
        write_noise: float = 0.0,
        nodes_up: NDArray[np.float32] | None = None,
        nodes_down: NDArray[np.float32] | None = None,
    ) -> None: ...

@final
class PulsedCells:
    def __init__(
        self,
        trains: Trains,
        rules: PulseRules,
        response: Response,
        weights: NDArray[np.float32],
        visible: NDArray[np.float32] | None,
        cells: NDArray[np.float32],
        key: int,
        crossbar: int,
        x_purpose: int,
        d_purpose: int,
        purpose: int,
        late: int,
    ) -> None: ...

@final
class LineBuffer:
    def __init__(
        self,
        hidden: NDArray[np.float32],
        signs: NDArray[np.float32],
        *,
        most: int,
        kept: float,
        taken: float,
        limit: float,
        mean: NDArray[np.float32] | None = None,
        past: NDArray[np.float32] | None = None,
        turned: NDArray[np.uint8] | None = None,
        follow: float = 0.0,
        idle_passes: int = 0,
    ) -> None: ...

@final
class LineMoves:
    def __init__(
        self,
        fast: PulsedCells,
        slow: PulsedCells,
        converters: Converters,
        buffer: LineBuffer,
        purpose: int,
        write_rate: float,
    ) -> None: ...
    def update(
        self,
        x: NDArray[np.float32],
        d: NDArray[np.float32],
        first_vector: int,
        interval: int,
        vectors: int,
        reads: int,
        factors: NDArray[np.float64] | None,
        turning: NDArray[np.uint8],
        values: NDArray[np.float32],
        counts: NDArray[np.float32],
    ) -> tuple[int, int, int, int, int, int]: ...

def philox(counters: NDArray[np.uint32], key: int) -> None: ...
def normals(
    out: NDArray[np.float32],
    key: int,
    crossbar: int,
    purpose: int,
    vector: int,
    first_element: int,
    draw: int,
    attempt: int,
) -> None: ...
def read(
    converters: Converters,
    weights: NDArray[np.float32],
    inputs: NDArray[np.float32],
    values: NDArray[np.float32],
    transposed: bool,
    managed: bool,
    key: int,
    crossbar: int,
    purpose: int,
    first_vector: int,
    scales: NDArray[np.float64] | None = None,
) -> int: ...
def series(out: NDArray[np.float32], key: int, crossbar: int, purpose: int, vector: int, block: int) -> None: ...
def apply_trains(
    trains: Trains,
    response: Response,
    weights: NDArray[np.float32],
    visible: NDArray[np.float32] | None,
    cells: NDArray[np.float32],
    direction: str,
    first_output: int,
    last_output: int,
    key: int,
    crossbar: int,
    purpose: int,
    first_vector: int,
) -> int: ...
def exact_update(
    weights: NDArray[np.float32],
    x: NDArray[np.float32],
    d: NDArray[np.float32],
    learning_rate: float,
    first_output: int,
    last_output: int,
) -> None: ...
def all_finite(values: NDArray[np.float32]) -> bool: ...
