import numpy as np
import numpy.typing as npt

def last_completion(service: npt.NDArray[np.int64]) -> int: ...
