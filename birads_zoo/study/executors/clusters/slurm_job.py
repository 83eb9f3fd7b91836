"""What a job of SLURM executes. Submitit pickles it to a file, so it holds nothing but a JSON document."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from birads_zoo.study.executors.clusters.node import NodeTask, Request
from birads_zoo.study.executors.messages import Ended, Message, Shown, Warned, encode

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

_GRACE = 900.0  # seconds that SLURM may take to end a job after it has sent SIGTERM


class SlurmJob:
    """Executes a task. When SLURM ends the job early, submitit calls `checkpoint` and puts it back into the queue."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._task: NodeTask | None = None

    def __call__(self) -> bytes:
        """Execute the task; return its warnings and its last message as lines of JSON."""
        warnings: list[Message] = []

        def hear(message: Shown | Warned) -> None:
            if isinstance(message, Warned):
                warnings.append(message)

        self._task = NodeTask(Request.decode(self._request))
        answer = self._task.execute(hear)
        if isinstance(answer, Ended) and answer.failure is not None and self._task.was_interrupted:
            time.sleep(_GRACE)  # SLURM has signalled all processes of the job, and is about to requeue or to cancel it
        return b"".join(encode(message) for message in (*warnings, answer))

    def checkpoint(self) -> DelayedSubmission:
        """End the run after the present step of training, with a checkpoint; return what goes on with it."""
        from submitit.helpers import DelayedSubmission

        if self._task is not None:
            self._task.stop()
        return DelayedSubmission(SlurmJob(self._request))
