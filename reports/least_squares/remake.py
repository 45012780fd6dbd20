"""Least squares on asymmetric devices: where analog SGD stops, and what goes on (arXiv:2406.12774, arXiv:2502.06309).

Run from the repository's root::

    python reports/least_squares/remake.py

Runs are kept in ``results.csv`` one by one; the same command goes on after a kill. ``--only`` takes parts of the study,
``--tiny`` tries it out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from archsim import make_tile
from archsim.analog import Periphery, Streams
from archsim.analog.algorithms import TrainingArray
from archsim.analog.specification import (
    Device,
    Ideal,
    IOParameters,
    LinearResponse,
    SoftBounds,
    UpdateParameters,
)
from archsim.analog.specification.algorithms import AnalogSGDSettings, ResidualLearningSettings, TikiTakaSettings
from archsim.specification import Specification

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from study import MACHINE, Claim, Rows, claims_table, figure, markdown, options, write  # noqa: E402

Array = NDArray[np.float64]

PARTS = ("step size", "dynamics", "tau", "noise", "start", "tiki-taka", "penalty")
ROWS = 100
SEEDS = 3
#: End values that were read off the figures of arXiv:2406.12774.
PUBLISHED = {
    ("step size", "digital SGD"): {0.2: 1.5e-9, 0.1: 7.7e-10, 0.05: 4.1e-10, 0.03: 1.9e-10},
    ("step size", "analog SGD"): {0.2: 8e-6, 0.1: 8e-6, 0.05: 8e-6, 0.03: 8e-6},
    ("dynamics", "formula"): {1.0: 1.08e-3, 1.5: 6.5e-4, 2.0: 4.7e-4, 2.5: 3.6e-4},
    ("dynamics", "analog SGD"): {1.0: 1.23e-3, 1.5: 3.2e-4, 2.0: 3.0e-4, 2.5: 1.6e-4},
    ("tau", "analog SGD"): {2.0: 6.2e-3, 3.0: 9.7e-4, 5.0: 2.0e-4, 10.0: 5.2e-5, 20.0: 2.0e-5, 50.0: 1.3e-5},
    ("tau", "digital SGD"): {50.0: 2.3e-5},
    ("noise", "analog SGD"): {1e-3: 6.4e-3, 1e-2: 1.15e-2, 1e-1: 2.9e-2, 1.0: 5.3e-2},
    ("start", "analog SGD"): {1e3: 7.3e-2, 1e2: 7.3e-2, 10.0: 7.3e-2, 1.0: 7.3e-2, 1e-2: 7.3e-2},
}
LABELS = {
    "step size": "learning rate",
    "dynamics": "tau",
    "tau": "tau",
    "noise": "variance of the noise on weights",
    "start": "weights at the beginning",
    "tiki-taka": "learning rate",
    "penalty": "tau",
}


@dataclass(frozen=True)
class Problem:
    """f(w) = |A w - A w*|^2 / (N `share`) with N = 100 rows, and how it is descended.

    Attributes
    ----------
    size : int
        D, the length of w.
    target, entries : float
        Standard deviations of w* and of the entries of A.
    share : int
        1 where f is the mean squared error, 2 where it is half of it.
    rate : float
        Learning rate.
    iterations : int
        Steps along the whole gradient.
    noise : float
        Standard deviation of the noise on gradients in digital runs.
    weight_noise : float
        Standard deviation of the noise on weights in each read of analog runs.
    tau, step : float
        Bounds and granularity of the devices.
    start : float or None
        All weights at the beginning; None starts from those of 50 exact steps.
    """

    size: int = 40
    target: float = 0.3
    entries: float = 1.0
    share: int = 1
    rate: float = 0.1
    iterations: int = 2500
    noise: float = 0.0
    weight_noise: float = 0.0
    tau: float = 1.0
    step: float = 1e-4
    start: float | None = 0.0

    def draw(self, seed: int) -> tuple[Array, Array]:
        """Return A and w*."""
        rng = np.random.default_rng(seed)
        return self.entries * rng.normal(size=(ROWS, self.size)), self.target * rng.normal(size=self.size)

    def loss(self, matrix: Array, error: Array) -> float:
        """Return f / D, which is what the figures show."""
        return float(np.mean((matrix @ error) ** 2) / self.share / self.size)


#: Figure 1. The digital curves of the figure have a tenth of the noise that the authors' script states.
FIGURE_1 = Problem(40, 0.45, rate=0.1, noise=0.001 / 40**0.5, weight_noise=0.01 / 40**0.5, tau=3.0)
#: Figure 3. Noise on weights is made as large as 0.1 on gradients by dividing by the mean singular value of A.
FIGURE_3 = Problem(40, 0.3, 0.5, 2, 0.03, noise=0.1, weight_noise=0.1 / 4.9)
#: Figure 4: left and middle, right.
FIGURE_4 = Problem(50, 0.5, 1.0, 2, 0.1, 200, noise=0.2 / 50**0.5, weight_noise=0.2 / 50**0.5, tau=2.0)
FIGURE_4_RIGHT = Problem(50, 0.5, iterations=50, weight_noise=0.01 / 50**0.5)


@dataclass(frozen=True)
class Run:
    """One descent.

    Attributes
    ----------
    part : str
        Part of the study.
    algorithm : str
        What descends.
    value : float
        What is varied in this part.
    seed : int
        Of A, w* and all noise.
    """

    part: str
    algorithm: str
    value: float
    seed: int


def runs(parts: Sequence[str]) -> Iterator[tuple[Run, Problem]]:
    """Return the runs of some parts with their problems; those of the part on the penalty have none of these."""
    for seed in range(1, SEEDS + 1):
        for rate in (0.2, 0.1, 0.05, 0.03):
            for name in ("digital SGD", "analog SGD"):
                yield Run("step size", name, rate, seed), replace(FIGURE_1, rate=rate)
        for tau in (1.0, 1.5, 2.0, 2.5):
            for name in ("digital SGD", "formula", "analog SGD"):
                yield Run("dynamics", name, tau, seed), replace(FIGURE_3, tau=tau, step=tau / 300)
        for tau in (2.0, 3.0, 5.0, 10.0, 20.0, 50.0):
            for name in ("analog SGD", "digital SGD") if tau == 50 else ("analog SGD",):
                yield Run("tau", name, tau, seed), replace(FIGURE_4, tau=tau)
        for variance in (1e-3, 1e-2, 1e-1, 1.0):
            yield Run("noise", "analog SGD", variance, seed), replace(FIGURE_4, weight_noise=variance**0.5)
        for start in (1e3, 1e2, 10.0, 1.0, 1e-2, 0.0):
            # 0 stands for weights that exact descent has found.
            yield Run("start", "analog SGD", start, seed), replace(FIGURE_4_RIGHT, start=start or None)
        for rate in (0.06, 0.03, 0.015):
            for name in ("exact device", "analog SGD", "Tiki-Taka", "residual learning"):
                problem = replace(FIGURE_3, rate=rate, iterations=round(90 / rate))
                yield Run("tiki-taka", name, rate, seed), problem


def settings_of(algorithm: str, problem: Problem) -> Specification:
    """Return the settings of an algorithm; transfers move all lines after every step, as in the authors' scripts.

    Lines are read exactly for transfers.
    """
    exact = IOParameters(is_perfect=True)
    if algorithm == "Tiki-Taka":
        return TikiTakaSettings(
            fast_lr=problem.rate, scale_fast_lr=False, n_reads_per_transfer=problem.size, transfer_io=exact
        )
    if algorithm == "residual learning":
        return ResidualLearningSettings(gamma=0.4, transfer_every=ROWS, n_reads_per_transfer=None, transfer_io=exact)
    return AnalogSGDSettings()


def soft_bounds(tau: float, step: float) -> SoftBounds:
    """Return equal cells with soft bounds, whose pulses are exact."""
    return SoftBounds(
        w_max=tau, w_min=-tau, dw_min=step, dw_min_dtod=0, dw_min_std=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0
    )


def make_array(
    settings: Specification, device: Device, io: IOParameters, outputs: int, inputs: int, batch: int, seed: int
) -> TrainingArray:
    """Return the arrays of an algorithm, with long trains."""
    return make_tile(
        settings,
        device,
        outputs,
        inputs,
        periphery=Periphery(io=io, update=UpdateParameters(desired_bl=800), dac_bits=None, adc_bits=None),
        streams=Streams(device_seed=seed, noise_seed=seed),
        mini_batch=batch,
    ).array


def analog(run: Run, problem: Problem) -> tuple[list[float], list[float]]:
    """Descend by pulses, a vector for each row of A; return the loss after every step, exact and as it is read."""
    matrix, target = problem.draw(run.seed)
    io = IOParameters(
        inp_bound=10, out_bound=10, out_noise=0, w_noise=problem.weight_noise, noise_management="none",
        bound_management="none",
    )  # fmt: skip
    device = Ideal() if run.algorithm == "exact device" else soft_bounds(problem.tau, problem.step)
    array = make_array(settings_of(run.algorithm, problem), device, io, 1, problem.size, ROWS, run.seed)
    start = descended(problem, matrix, target) if problem.start is None else np.full(problem.size, problem.start)
    array.program(start[None])
    wanted, exact, as_read = (matrix @ target)[:, None], [], []
    for k in range(problem.iterations):
        error = array.forward(matrix, k * ROWS).values - wanted
        exact.append(problem.loss(matrix, array.weights[0] - target))
        as_read.append(float(np.mean(error**2)) / problem.share / problem.size)
        array.update(matrix, 2 / problem.share / ROWS * error, problem.rate, k * ROWS)
    return exact, as_read


def descended(problem: Problem, matrix: Array, target: Array, steps: int = 50) -> Array:
    """Return the weights after some exact steps from 0."""
    weights = np.zeros(problem.size)
    for _ in range(steps):
        weights -= problem.rate * 2 / problem.share / ROWS * matrix.T @ (matrix @ (weights - target))
    return weights


def digital(run: Run, problem: Problem) -> list[float]:
    """Descend by the formula of digital SGD or that of analog SGD's mean dynamics; return the loss after every step."""
    matrix, target = problem.draw(run.seed)
    rng, weights, losses = np.random.default_rng(run.seed), np.zeros(problem.size), []
    asymmetry = 1 / problem.tau if run.algorithm == "formula" else 0.0
    for _ in range(problem.iterations):
        losses.append(problem.loss(matrix, weights - target))
        gradient = 2 / problem.share / ROWS * matrix.T @ (matrix @ (weights - target))
        change = -problem.rate * (gradient + problem.noise * rng.normal(size=problem.size))
        weights = weights + change - asymmetry * np.abs(change) * weights
    return losses


def measure(run: Run, problem: Problem) -> dict[str, object]:
    """Return the row of a run: losses over the end of it."""
    last = 20 if run.part != "tiki-taka" else problem.iterations // 5
    exact, as_read = (
        analog(run, problem) if run.algorithm not in ("digital SGD", "formula") else (digital(run, problem), [])
    )
    seen = f"{np.mean(as_read[-last:]):.4g}" if as_read else ""
    return {**asdict(run), "begin": f"{exact[0]:.4g}", "end": f"{np.mean(exact[-last:]):.4g}", "end_as_read": seen}


def penalty_runs() -> list[Run]:
    """Return the runs that look for the implicit penalty; "c" is the offset of the response."""
    return [Run("penalty", f"c = {c}", tau, seed) for c in (0.0, 0.2) for tau in (0.8, 1.5, 3.0) for seed in (1, 2, 3)]


def measure_penalty(run: Run, size: int = 20, steps: int = 12_000, replicas: int = 40) -> dict[str, object]:
    """Descend a quadratic with noise on gradients, and compare where weights settle with the penalised minimum.

    f(w) = (w - w*) H (w - w*) / 2; weights settle where H (w - w*) F(w) + E|g| G(w) = 0, which to first order is the
    minimum of f + <E|noise|, R(w)> with R' = G / F.
    """
    rng, c, tau, noise, rate = np.random.default_rng(run.seed), float(run.algorithm.split()[-1]), run.value, 1.0, 0.002
    data = rng.normal(size=(3 * size, size))
    hessian, target = data.T @ data / len(data), 0.3 * rng.choice([-1.0, 1.0], size)
    pull = noise * np.sqrt(2 / np.pi)

    def slope(w: Array) -> Array:
        symmetric, asymmetric = 1 - c * w / tau, w / tau - c
        found: Array = hessian @ (w - target) + pull * asymmetric / symmetric
        return found

    expected = optimize.root(slope, target).x
    device = LinearResponse(dw_min=5e-4, w_max=tau, w_min=-tau, c=c)
    # Cells stand on one input line each: replicas of the same problem below one another.
    array = make_array(AnalogSGDSettings(), device, IOParameters(), replicas * size, 1, 1, run.seed)
    array.program(np.tile(target, replicas)[:, None])
    total, one = np.zeros(size), np.ones((1, 1))
    for k in range(steps):
        weights = array.weights.reshape(replicas, size)
        gradient = (weights - target) @ hessian + noise * rng.normal(size=weights.shape)
        array.update(one, gradient.reshape(1, -1), rate, k)
        if k >= steps // 2:
            total += array.weights.reshape(replicas, size).mean(axis=0)
    settled = total / (steps - steps // 2)
    shift, left = np.linalg.norm(settled - target), np.linalg.norm(settled - expected)
    return {
        **asdict(run),
        "expected_shift": f"{np.linalg.norm(expected - target):.4g}",
        "shift": f"{shift:.4g}",
        "unexplained": f"{left:.4g}",
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and write what is there."""
    chosen = options(__doc__ or "", PARTS, HERE, arguments)
    rows = Rows(chosen.out / "results.csv", list(Run.__annotations__))
    wanted = [(run, problem) for run, problem in runs(chosen.only) if run.part in chosen.only]
    for run, problem in wanted:
        if not (rows.has(asdict(run)) or (chosen.tiny and run.seed > 1)):
            rows.add(measure(run, replace(problem, iterations=20) if chosen.tiny else problem))
            print(run, rows.frame().end.iloc[-1], flush=True)
    settled = Rows(chosen.out / "penalty.csv", list(Run.__annotations__))
    for run in penalty_runs() if "penalty" in chosen.only else ():
        if not (settled.has(asdict(run)) or (chosen.tiny and run.seed > 1)):
            settled.add(measure_penalty(run, *((5, 20, 2) if chosen.tiny else ())))
            print(run, settled.frame().unexplained.iloc[-1], flush=True)
    results, penalty = rows.frame(), settled.frame()
    draw(chosen.out / "floors.svg", results, penalty)
    write(chosen, lambda: page(results, penalty))


def ends(results: pd.DataFrame, part: str, algorithm: str, column: str = "end") -> dict[float, float]:
    """Return the geometric mean over seeds by value."""
    shown = results[(results.part == part) & (results.algorithm == algorithm)]
    return {float(value): float(np.exp(np.log(group[column]).mean())) for value, group in shown.groupby("value")}


def draw(path: Path, results: pd.DataFrame, penalty: pd.DataFrame) -> None:
    """Draw the end values of each part, ours as points and the published ones as crosses."""
    colours = {"digital SGD": "C7", "exact device": "C7", "formula": "C3", "analog SGD": "C0", "Tiki-Taka": "C1"}
    titles = {"step size": "Figure 1", "dynamics": "Figure 3", "tau": "Figure 4, left", "noise": "Figure 4, middle"}
    with figure(path, 9.5, 6.4) as drawn:
        for axes, part in zip(drawn.subplots(2, 3).flat, PARTS[:4] + PARTS[5:], strict=True):
            shown = results[results.part == part] if part != "penalty" else penalty
            if shown.empty:
                continue
            if part == "penalty":
                for name, runs_of in shown.groupby("algorithm"):
                    axes.plot(runs_of.expected_shift, runs_of["shift"], "o", ms=4, label=name)
                axes.axline((0, 0), slope=1, color="0.6", lw=0.8, zorder=0)
                axes.set(
                    xlabel="|w - w*| at the penalised minimum", ylabel="|w - w*| settled", title="implicit penalty"
                )
            else:
                for name in shown.algorithm.unique():
                    colour = colours.get(name, "C2")
                    values = ends(results, part, name)
                    single = len(values) == 1
                    axes.plot(
                        *zip(*values.items(), strict=True), "o" if single else "o-", ms=4, color=colour, label=name
                    )
                    read = PUBLISHED.get((part, name), {})
                    if read:
                        axes.plot(*zip(*read.items(), strict=True), "x", color=colour, label=f"{name}, published")
                axes.set(xlabel=LABELS[part], title=titles.get(part, "Tiki-Taka"), xscale="log", yscale="log")
                axes.set(ylabel="f / D at the end")
                values = sorted(shown.value.unique())
                axes.set_xticks(values, [f"{value:g}" for value in values], minor=False)
                axes.set_xticks([], minor=True)
            axes.grid(alpha=0.3)
            axes.legend(fontsize=6, loc=(0.02, 0.12) if part == "dynamics" else "best")


def page(results: pd.DataFrame, penalty: pd.DataFrame) -> str:
    """Return the text around tables and figure."""
    return f"""# Least squares on asymmetric devices

f(w) is the mean squared error of A w against A w* over {ROWS} rows (half of it for Figures 3 and 4), descended along
the whole gradient, a vector for each row, on soft bounds +-tau with equal cells and exact pulses. Settings are those of
arXiv:2406.12774, Figures 1, 3 and 4, as its text and its scripts have them; published end values were read off these
figures, where A and w* are others than ours. Values are f / D, geometric means over {SEEDS} problems. Made by
`python reports/least_squares/remake.py` ({MACHINE}).

{claims_table(claims(results, penalty))}

![end values](floors.svg)

{REMARKS}
{sections(results, penalty)}"""


REMARKS = """Three remarks on the settings. The published curves of Figure 1 show the loss as the noisy array reads it,
noise included; ours is that of the weights, and the one that is read is given beside it. The digital curves of that
figure agree with noise on gradients of 0.001 / sqrt(D), a tenth of what the script states, so that is what is used
here. Pulse trains have at most 800 slots where scripts say 5000; trains are shortened to what an update asks for, so
that only the first steps differ.
"""


def sections(results: pd.DataFrame, penalty: pd.DataFrame) -> str:
    """Return a table for each part."""
    made = []
    for part in PARTS[:-1]:
        shown = results[results.part == part]
        if not shown.empty:
            made.append(f"## Part: {part}\n\n{markdown(part_table(results, part))}\n")
    if not penalty.empty:
        made.append(f"## Part: penalty\n\n{PENALTY}\n{markdown(penalty_table(penalty))}\n")
    return "\n".join(made)


PENALTY = """A quadratic with noise of standard deviation 1 on its gradients and linear response with offset c. Weights
settle near the minimum of f(w) + <E|noise|, R(w)> with R' = G / F (arXiv:2502.06309), which for c = 0 is
f(w) + E|noise| / (2 tau) |w|^2, and not near w*.
"""


def part_table(results: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return end values of a part beside the published ones."""
    rows = []
    for name in results[results.part == part].algorithm.unique():
        read = ends(results[results.end_as_read.notna()], part, name, "end_as_read") if name != "formula" else {}
        for value, end in ends(results, part, name).items():
            published = PUBLISHED.get((part, name), {}).get(value)
            rows.append(
                {
                    LABELS[part]: f"{value:g}" if (part, value) != ("start", 0) else "pre-trained",
                    "algorithm": name,
                    "end": f"{end:.2g}",
                    "end, as read": f"{read[value]:.2g}" if value in read else "",
                    "published": f"{published:.2g}" if published else "",
                }
            )
    return pd.DataFrame(rows)


def penalty_table(penalty: pd.DataFrame) -> pd.DataFrame:
    """Return distances of settled weights from w* and from the penalised minimum."""
    rows = []
    for (name, tau), group in penalty.groupby(["algorithm", "value"]):
        rows.append(
            {
                "response": name,
                "tau": tau,
                "penalised minimum from w*": f"{group.expected_shift.mean():.3f}",
                "settled, from w*": f"{group['shift'].mean():.3f}",
                "settled, from the penalised minimum": f"{group.unexplained.mean():.3f}",
            }
        )
    return pd.DataFrame(rows)


def claims(results: pd.DataFrame, penalty: pd.DataFrame) -> list[Claim]:
    """Return what the papers say, and what came out."""
    made: list[Claim] = []

    def listed(values: Sequence[float]) -> str:
        return ", ".join(f"{value:.2g}" for value in values)

    def near(part: str, name: str, factor: float, column: str = "end") -> None:
        ours, published = ends(results, part, name, column), PUBLISHED[part, name]
        worst = max(max(ours[v] / p, p / ours[v]) for v, p in published.items())
        text = f"{listed([ours[v] for v in published])} (at most {worst:.1f} times off)"
        what = f"{part}, {name}: order of magnitude" + (", as read" if column != "end" else "")
        made.append(Claim(what, listed(list(published.values())), text, worst < factor))

    def ordered(part: str, name: str, rising: bool) -> None:
        values = list(ends(results, part, name).values())
        steps = np.diff(values) > 0
        word = "rises" if rising else "falls"
        made.append(
            Claim(f"{part}, {name}: {word} with {LABELS[part]}", word, listed(values), bool(all(steps == rising)))
        )

    there = set() if results.empty else set(results.part)
    if "step size" in there:
        floors = list(ends(results, "step size", "analog SGD").values())
        ratio = max(floors) / min(floors)
        made.append(
            Claim(
                "Figure 1: the floor of analog SGD is the same for every step size", "7 to 9e-6",
                f"{listed(floors)}, largest / smallest {ratio:.2f}", ratio < 1.6,
            )
        )  # fmt: skip
        ordered("step size", "digital SGD", rising=True)
        near("step size", "analog SGD", 3, "end_as_read")
        near("step size", "digital SGD", 3)
    if "dynamics" in there:
        for name in ("formula", "analog SGD"):
            ordered("dynamics", name, rising=False)
            near("dynamics", name, 5)
    for part, rising in (("tau", False), ("noise", True)):
        if part in there:
            ordered(part, "analog SGD", rising=rising)
            near(part, "analog SGD", 5)
    if "start" in there:
        values = list(ends(results, "start", "analog SGD").values())
        ratio = max(values) / min(values)
        text = f"{listed(values)}, largest / smallest {ratio:.2f}"
        made.append(Claim("Figure 4: the end does not depend on the beginning", "7.3e-2 for all", text, ratio < 1.1))
    if "tiki-taka" in there:
        floor = min(ends(results, "tiki-taka", "analog SGD").values())
        for name in ("Tiki-Taka", "residual learning"):
            values = list(ends(results, "tiki-taka", name).values())
            text = f"{listed(values)} against {listed(list(ends(results, 'tiki-taka', 'analog SGD').values()))}"
            made.append(
                Claim(f"{name} goes below the floor of analog SGD", "no floor", text, max(values) < 0.2 * floor)
            )
    if not penalty.empty:
        share = float((penalty.unexplained / penalty.expected_shift).max())
        text = f"at most {100 * share:.0f} % of the shift is left unexplained"
        made.append(Claim("analog SGD settles at the minimum of f + <Sigma, R>", "to first order", text, share < 0.15))
    return made


if __name__ == "__main__":
    main()
