"""LeNet-5 in plain NumPy, one operation after the other, and its gradients by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.float64]
Parameters = dict[str, Block]


def forward(parameters: Parameters, images: Block) -> tuple[Block, dict[str, Block]]:
    """Return the outputs for images [samples, 1, 28, 28], and what the gradients need of each layer."""
    kept: dict[str, Block] = {"input": np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))}
    kept["act1"] = np.tanh(convolution(kept["input"], parameters["conv1"], parameters["conv1.bias"], 6))
    kept["pool1"] = pooled(kept["act1"])
    kept["act2"] = np.tanh(convolution(kept["pool1"], parameters["conv2"], parameters["conv2.bias"], 16))
    kept["pool2"] = pooled(kept["act2"])
    kept["flat"] = kept["pool2"].reshape(len(images), -1)
    kept["act3"] = np.tanh(kept["flat"] @ parameters["fc1"].T + parameters["fc1.bias"])
    kept["act4"] = np.tanh(kept["act3"] @ parameters["fc2"].T + parameters["fc2.bias"])
    return kept["act4"] @ parameters["fc3"].T + parameters["fc3.bias"], kept


def trained(parameters: Parameters, images: Block, labels: npt.NDArray[np.int64], rate: float) -> Parameters:
    """Return the parameters after one step of gradient descent on the mean cross entropy."""
    outputs, kept = forward(parameters, images)
    odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    d = odds / odds.sum(axis=1, keepdims=True)
    d[np.arange(len(labels)), labels] -= 1
    d /= len(labels)
    found: Parameters = {}
    for name, before in (("fc3", "act4"), ("fc2", "act3"), ("fc1", "flat")):
        found[name], found[f"{name}.bias"] = d.T @ kept[before], d.sum(axis=0)
        d = d @ parameters[name]
        if before != "flat":
            d = d * (1 - kept[before] ** 2)
    d = d.reshape(kept["pool2"].shape)
    d = unpooled(kept["act2"], d) * (1 - kept["act2"] ** 2)
    found["conv2"], found["conv2.bias"] = slopes(kept["pool1"], d, 5), d.sum(axis=(0, 2, 3))
    d = unpooled(kept["act1"], back(d, parameters["conv2"], 6)) * (1 - kept["act1"] ** 2)
    found["conv1"], found["conv1.bias"] = slopes(kept["input"], d, 5), d.sum(axis=(0, 2, 3))
    return {name: array - rate * found[name] for name, array in parameters.items()}


def convolution(x: Block, weight: Block, bias: Block, channels: int, size: int = 5) -> Block:
    """Return the convolution by a weight [outputs, inputs * size * size], element of the kernel by element."""
    height, width = x.shape[2] - size + 1, x.shape[3] - size + 1
    kernel = weight.reshape(channels, x.shape[1], size, size)
    y = np.zeros((len(x), channels, height, width)) + bias[:, None, None]
    for i, j in np.ndindex(size, size):
        y += np.einsum("oc,schw->sohw", kernel[:, :, i, j], x[:, :, i : i + height, j : j + width])
    return y


def slopes(x: Block, d: Block, size: int) -> Block:
    """Return the gradient at a convolution's weight."""
    height, width = d.shape[2:]
    found = np.zeros((d.shape[1], x.shape[1], size, size))
    for i, j in np.ndindex(size, size):
        found[:, :, i, j] = np.einsum("sohw,schw->oc", d, x[:, :, i : i + height, j : j + width])
    return found.reshape(d.shape[1], -1)


def back(d: Block, weight: Block, channels: int, size: int = 5) -> Block:
    """Return the gradient at a convolution's input."""
    samples, outputs, height, width = d.shape
    kernel = weight.reshape(outputs, channels, size, size)
    found = np.zeros((samples, channels, height + size - 1, width + size - 1))
    for i, j in np.ndindex(size, size):
        found[:, :, i : i + height, j : j + width] += np.einsum("oc,sohw->schw", kernel[:, :, i, j], d)
    return found


def pooled(x: Block) -> Block:
    """Return the maxima of squares of four."""
    samples, channels, height, width = x.shape
    result: Block = x.reshape(samples, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
    return result


def unpooled(x: Block, d: Block) -> Block:
    """Return the gradient at the input of `pooled`: it goes to the largest of each four, the first of several."""
    samples, channels, height, width = d.shape
    fours = x.reshape(samples, channels, height, 2, width, 2).transpose(0, 1, 2, 4, 3, 5)
    fours = fours.reshape(samples, channels, height, width, 4)
    found = (fours.argmax(axis=4)[..., None] == np.arange(4)) * d[..., None]
    found = found.reshape(samples, channels, height, width, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    result: Block = found.reshape(x.shape)
    return result
