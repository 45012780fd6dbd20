"""How fast the core is: forward reads, transposed reads and pulsed updates of the layers of a 784-256-128-10 network.

Run it as ``python benchmarks/core.py [--instruction-set avx2]``. Times are the best of many calls, so that other work
on the machine disturbs little; inputs and errors are as sparse as in training on handwritten digits (0.004, 0.04 and
0.4 coincidences a cell and vector).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

#: inputs, outputs, share of inputs that are not zero, typical error
LAYERS = ((784, 256, 0.2, 0.001), (256, 128, 1.0, 0.002), (128, 10, 1.0, 0.02))
BATCH, RATE, CALLS = 10, 0.05, 400


def best_us(call: Callable[[int], object]) -> float:
    shortest = float("inf")
    for k in range(CALLS):
        begin = time.perf_counter_ns()
        call(k * BATCH)
        shortest = min(shortest, time.perf_counter_ns() - begin)
    return shortest / 1000


def measure(inputs: int, outputs: int, share: float, error: float) -> dict[str, float]:
    from archsim.analog import Crossbar
    from archsim.analog.specification import IOParameters, SoftBounds, UpdateParameters

    rng = np.random.default_rng(0)
    crossbar = Crossbar(
        inputs,
        outputs,
        SoftBounds(dw_min=0.001, w_max=0.8, w_min=-0.8),
        IOParameters(),
        IOParameters(),
        UpdateParameters(),
        dac_bits=7,
        adc_bits=9,
        identity=0,
        device_seed=1,
        noise_seed=2,
    )
    crossbar.program(rng.uniform(-0.05, 0.05, (outputs, inputs)))
    x = (rng.random((BATCH, inputs)) * (rng.random((BATCH, inputs)) < share)).astype(np.float32)
    d = (rng.normal(0, error, (BATCH, outputs)) * rng.exponential(1, (BATCH, outputs)) ** 2 / 2).astype(np.float32)
    pulses = crossbar.update(x, d, RATE, 0).pulses
    return {
        "forward": best_us(lambda first: crossbar.forward(x, first)),
        "backward": best_us(lambda first: crossbar.backward(d, first)),
        "update": best_us(lambda first: crossbar.update(x, d, RATE, first)),
        "density": pulses / (inputs * outputs * BATCH),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--instruction-set", help="baseline, avx2 or avx512; the best one by default")
    wanted = parser.parse_args().instruction_set
    if wanted:
        os.environ["ARCHSIM_ISA"] = wanted
    from archsim._core import ISA

    print(f"instruction set {ISA}, batch {BATCH}; microseconds a call and nanoseconds a cell and vector")
    step_us = 0.0
    for number, layer in enumerate(LAYERS):
        result = measure(*layer)
        cells = layer[0] * layer[1] * BATCH
        times = [f"{name} {result[name]:7.1f} us {result[name] * 1e3 / cells:7.4f} ns" for name in list(result)[:3]]
        print(f"{layer[0]:4d} x {layer[1]:<4d} {'   '.join(times)}   {result['density']:.4f} coincidences")
        step_us += result["forward"] + result["update"] + (result["backward"] if number else 0.0)
    print(f"training step (the first layer's transposed read is not needed): {step_us:.0f} us")


if __name__ == "__main__":
    main()
