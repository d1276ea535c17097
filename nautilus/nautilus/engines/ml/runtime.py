"""ONNX Runtime, with one pool of threads for all models."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nautilus.engines.ml.inputs import Array


class Model:
    """A model that can be run; several threads may at once."""

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        # The process has one pool, as wide as its CPUs: see nautilus.frame.threads.
        options.use_per_session_threads = False
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        # A classifier's last output are the probabilities; a regressor has but one.
        self._output = self._session.get_outputs()[-1].name
        self._input = self._session.get_inputs()[0].name

    def run(self, inputs: NDArray[np.float32]) -> Array:
        """A row of answers for each row of inputs."""
        (answers,) = self._session.run([self._output], {self._input: inputs})
        return np.asarray(answers, dtype=np.float64)
