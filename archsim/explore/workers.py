"""Processes that make runs side by side, one at a time each, and stop when they are asked to or left alone."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, Pipe, wait

from threadpoolctl import threadpool_limits

from archsim.errors import ArchsimError
from archsim.explore.carrying import adopt
from archsim.explore.tasks import Outcome, RunTask, outcome_of
from archsim.runs import Stopped

__all__ = ["run_tasks", "serve"]

_LOOK_S = 0.2
_JOIN_S = 10.0
#: A run whose process ends twice (killed for its memory, a fault in compiled code) is not tried a third time.
_TRIES = 2
#: A process of its own, which imports nothing of the program that starts it: neither its script nor its notebook.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from archsim.explore.workers import serve; serve({tasks}, {stop})"
#: Libraries that would start a thread for each core.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def run_tasks(
    tasks: Iterable[RunTask], workers: int, carried: bytes, asked: Callable[[], bool] | None = None
) -> Iterator[Outcome]:
    """Yield what became of runs, in the order in which they end.

    Parameters
    ----------
    tasks : iterable of RunTask
        What to run.
    workers : int
        Processes.
    carried : bytes
        What they need of what this program registered, see `archsim.explore.carrying.carried`.
    asked : callable, optional
        Says whether to stop; runs under way then write a checkpoint.

    Raises
    ------
    Stopped
        After the last worker has come to rest, if it was asked to stop.
    """
    waiting, tries = deque(tasks), Counter[tuple[str, int]]()
    crew = [_Worker(carried) for _ in range(min(workers, len(waiting)))]
    stopping = False
    try:
        while waiting or any(worker.task for worker in crew):
            if not stopping and asked is not None and asked():
                stopping = True
                waiting.clear()
                for worker in crew:
                    worker.ask_to_stop()
            for worker in crew:
                if worker.task is None and waiting:
                    worker.begin(waiting.popleft())
            busy = {worker.tasks: worker for worker in crew if worker.task is not None}
            for ready in wait(list(busy), _LOOK_S):
                worker = busy[ready]  # type: ignore[index]
                task, outcome = worker.take()
                if outcome is not None and not isinstance(outcome.error, Stopped):
                    yield outcome
                    continue
                # The process has ended, or was told to by somebody else.
                crew[crew.index(worker)] = _Worker(carried)
                worker.dismiss()
                tries[task.point, task.seed] += 1
                if stopping:
                    continue
                if tries[task.point, task.seed] < _TRIES:
                    waiting.append(task)
                else:
                    yield Outcome(task.point, task.seed, error=worker.ended())
    finally:
        for worker in crew:
            worker.dismiss()
    if stopping:
        raise Stopped("interrupted")


class _Worker:
    """A process and what it is doing.

    Attributes
    ----------
    tasks : Connection
        Tasks go out, outcomes come in.
    task : RunTask or None
        What it is doing.
    """

    def __init__(self, carried: bytes) -> None:
        self.tasks, theirs = Pipe()
        listening, self._stop = Pipe(duplex=False)
        self.task: RunTask | None = None
        program = _PROGRAM.format(path=sys.path, tasks=theirs.fileno(), stop=listening.fileno())
        # In a session of its own a Ctrl-C of the terminal does not reach it: who started it says when to stop.
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            env=os.environ | dict.fromkeys(_THREADS, "1"),
            pass_fds=(theirs.fileno(), listening.fileno()),
            start_new_session=True,
        )
        theirs.close()
        listening.close()
        with contextlib.suppress(OSError):
            self.tasks.send_bytes(carried)

    def begin(self, task: RunTask) -> None:
        """Let it make a run."""
        self.task = task
        with contextlib.suppress(OSError):  # That the process has ended is seen when its answer is awaited.
            self.tasks.send_bytes(pickle.dumps((task.point, task.seed, pickle.dumps(task))))

    def take(self) -> tuple[RunTask, Outcome | None]:
        """Return what has become of its task; None if the process has ended."""
        task, self.task = self.task, None
        if task is None:
            raise RuntimeError("a worker without a task has no outcome")
        try:
            return task, pickle.loads(self.tasks.recv_bytes())
        except (EOFError, OSError):
            return task, None

    def ended(self) -> ArchsimError:
        """Return the error of a run whose process has ended."""
        return ArchsimError(
            f"the worker process ended before this run did (exit code {self._process.returncode}), {_TRIES} times\n"
            "  remedy:  was it killed for its memory? take fewer workers"
        )

    def ask_to_stop(self) -> None:
        """Let it write a checkpoint and stop."""
        with contextlib.suppress(OSError):
            self._stop.send_bytes(b"stop")

    def dismiss(self) -> None:
        """End the process: at once if it is still at work, which leaves its folder as a crash would."""
        self.tasks.close()
        self._stop.close()
        try:
            self._process.wait(_JOIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Request:
    """Whether the program that started a worker asks it to stop."""

    def __init__(self) -> None:
        self._made = False

    def __call__(self) -> bool:
        return self._made

    def listen(self, stop: Connection) -> None:
        """Wait for word from that program; where it has ended, end as well."""
        with contextlib.suppress(EOFError, OSError):
            stop.recv_bytes()
            self._made = True
            stop.recv_bytes()
        os._exit(1)  # Nobody waits for results any more; what is on the disk can be taken up.


def serve(tasks_handle: int, stop_handle: int) -> None:
    """Make one run after the other, as the program that started this process says; it holds the other ends."""
    tasks, request = Connection(tasks_handle), _Request()
    threading.Thread(target=request.listen, args=(Connection(stop_handle),), daemon=True).start()
    with threadpool_limits(1), contextlib.suppress(EOFError, OSError):
        problem = _adopted(tasks.recv_bytes())
        while True:
            point, seed, packed = pickle.loads(tasks.recv_bytes())
            tasks.send_bytes(pickle.dumps(_made(point, seed, packed, problem, request)))


def _adopted(carried: bytes) -> ArchsimError | None:
    """Register what the program registered; return why that cannot be done, if so."""
    try:
        adopt(carried)
    except Exception as error:  # A module of a user may fail in any way when it is imported.
        return ArchsimError(f"a worker process cannot import what was registered ({type(error).__name__}: {error})")
    return None


def _made(point: str, seed: int, packed: bytes, problem: ArchsimError | None, asked: Callable[[], bool]) -> Outcome:
    """Make a run and return what became of it."""
    if problem is not None:
        return Outcome(point, seed, error=problem)
    try:
        task: RunTask = pickle.loads(packed)
    except Exception as error:
        problem = ArchsimError(f"a worker process cannot import what the experiment uses ({error})")
        return Outcome(point, seed, error=problem)
    return outcome_of(task, asked)
