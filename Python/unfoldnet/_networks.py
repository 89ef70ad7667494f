# SPDX-License-Identifier: Apache-2.0
"""Unfolded networks of any operator, as scikit-learn's estimators are."""

from __future__ import annotations

import math
import os
from ctypes import byref, c_int64
from typing import Any, Callable, Iterator, Mapping

import numpy as np

from . import _library as lib
from ._library import Array, InputError, log
from ._operators import Operator, _result, as_operator

Progress = Callable[[int, int, float, float], Any]


class Network:
    """A network from the measurements of an operator to its signals.

    Args:
        name: ``ista-net-plus``, ``fista-net``, ``admm-net``, ``modl``, ``scnet`` or ``plug-and-play-net`` (with weights) for images,
            ``lista``, ``lista-cp``, ``lista-ss``, ``lista-cpss``, ``tilista`` or ``alista`` for the vectors of a dense matrix.
        A: an :class:`Operator`, or what makes one.
        stages, channels: by default those published.
        seed: of the weights before training and of all that training draws.
        precision: ``single``, or ``double`` for checks of derivatives; that is slow.
        denoiser_weights: a file of FFDNet's weights (safetensors), for ``plug-and-play-net``.

    After :meth:`fit`: ``history_``, a list of (step, loss, validation error or None).
    """

    def __init__(
        self, name: str, A: Any, *, stages: int | None = None, channels: int | None = None, seed: int = 1, precision: str = "single",
        denoiser_weights: Any = None,
    ):
        self.name, self.A, self.stages, self.channels, self.seed, self.precision = name, A, stages, channels, seed, precision
        self.denoiser_weights = denoiser_weights
        self._handle: int | None = None
        self._finalizer: Callable[[], Any] = int

    def _own(self, handle: int, facts: Mapping[str, Any]) -> None:
        self._finalizer()
        self._handle = handle
        self._finalizer = lib.release_with(self, handle)
        self.facts = dict(facts)

    def _made(self) -> int:
        """The handle; the network is made when it is first needed."""
        if self._handle is None:
            self.A = as_operator(self.A)
            options = lib.options(
                stages=self.stages, channels=self.channels, seed=self.seed, precision=self.precision,
                denoiser_weights=lib.path(self.denoiser_weights))
            self._own(*self._make("network", self.A._handle, str(self.name).encode(), options))
        assert self._handle is not None
        return self._handle

    def _make(self, name: str, *arguments: Any) -> tuple[int, dict[str, Any]]:
        handle = c_int64()
        facts = self.A._raising(lib.long_call_on(self.A._handle), name, *arguments, byref(handle))
        lib.note_made(handle.value)
        return handle.value, facts

    def _run(self, name: str, *arguments: Any, long: bool = True) -> dict[str, Any]:
        handle = self._made()
        facts: dict[str, Any] = self.A._raising(lib.long_call_on(self.A._handle) if long else lib.call, name, handle, *arguments)
        return facts

    # MARK: Training

    def fit(
        self, signals: Any = None, *, measurements: Any = None, validation: Any = None, noise: Any = None, steps: int | None = None,
        epochs: int | None = None, batch: int | None = None, learning_rate: float | None = None, optimiser: str | None = None,
        quick: bool | None = None, recompute: bool | None = None, warm_start: bool = False, progress: bool | Progress = False,
        checkpoint: Any = None, checkpoint_every: int | None = None, resume: bool = False,
    ) -> "Network":
        """Trains the network.

        Args:
            signals: images in [0, 1] at least as large as the operator's, of which crops are measured afresh for every step; or vectors,
                one a row.
            measurements: in the place of the operator's own; with ``signals``, pairs, without, all there is (equivariant imaging).
            validation: signals that are not trained on; by default a tenth of them.
            noise: a standard deviation, or ``{"snr": dB}``; by default the operator's.
            steps: by default the recipe's, 20 000 for images, which takes hours; ``quick`` takes 300.
            optimiser: ``"adam"`` (default), or ``"muon"``, which learns more in short trainings.
            warm_start: from the weights there are.
            progress: a bar by tqdm, where it is installed, or a function of step, steps, loss and validation error (NaN but when
                validated). What it raises stops the training.
            checkpoint: a file that says where the training stands, written once a minute, when the training is stopped, by Ctrl-C too,
                and at its end.
            checkpoint_every: steps after which it is written besides.
            resume: from that file, where there is one, with the same arguments and seed: the weights are those of a training that was
                never stopped. ``history_`` begins there.
        """
        handle = self._made()
        given, held = self._arrays(signals, "signals"), self._arrays(validation, "validation")
        measured = None if measurements is None else lib.array(measurements, "the measurements")
        options = lib.options(
            noise=noise, steps=steps, epochs=epochs, batch=batch, learning_rate=learning_rate, optimiser=optimiser, quick=quick,
            recompute=recompute, warm_start=warm_start or None, checkpoint=lib.path(checkpoint), checkpoint_every=checkpoint_every,
            resume=resume or None)
        history: list[tuple[int, float, float | None]] = []
        errors: list[BaseException] = []

        def record(_context: int, step: int, count: int, loss: float, error: float) -> int:
            if lib.closing():
                return 1
            try:
                history.append((step, loss, None if math.isnan(error) else error))
                tell(step, count, loss, error)
                return 0
            except BaseException as raised:
                errors.append(raised)
                return 1

        pointer = lib.PROGRESS(record)
        with _teller(progress, self.name) as tell:
            try:
                facts = self._run(
                    "network_fit", len(given), (Array * len(given))(*map(lib.describe, given)), len(held),
                    (Array * len(held))(*map(lib.describe, held)), None if measured is None else byref(lib.describe(measured)),
                    options, pointer, None)
            except lib.StoppedError:
                if errors:
                    raise errors[0]
                raise
        assert handle == self._handle
        self.facts, self.history_ = facts, history
        return self

    def _arrays(self, signals: Any, name: str) -> list[np.ndarray]:
        if signals is None:
            return []
        if not isinstance(signals, (list, tuple)):
            signals = lib.array(signals, name)
            extra = signals.ndim - len(self.A.shape_in)
            if extra == 0 and len(self.A.shape_in) > 1:
                signals = [signals]
            elif len(self.A.shape_in) > 1:
                if extra != 1:
                    raise InputError(f"found {name} of shape {list(signals.shape)}; expected samples of {list(self.A.shape_in)}")
                signals = list(signals)
            else:
                signals = [signals if extra else signals[None]]
        return [lib.array(x, name) for x in signals]

    # MARK: Estimates

    def __call__(self, y: Any, stages: int | None = None) -> np.ndarray:
        """The estimate of one measurement or of several, after the first stages where some are said; in single precision where y is."""
        y = lib.array(y, "the measurement")
        self._made()
        x = _result(y, self.A.shape_out, self.A.shape_in, self.A.dtype_in)
        self._run("network_apply", byref(lib.describe(y)), stages or 0, byref(lib.describe(x)))
        return x

    predict = __call__

    def pullback(self, y: Any, v: Any, stages: int | None = None) -> np.ndarray:
        """Jᴴ v, J the derivative of the network at y."""
        y, v = lib.array(y, "the measurement"), lib.array(v, "the cotangent")
        self._made()
        out = _result(v, self.A.shape_in, self.A.shape_out, self.A.dtype_out)
        self._run("network_pullback", byref(lib.describe(y)), stages or 0, byref(lib.describe(v)), byref(lib.describe(out)))
        return out

    # MARK: Weights

    def save(self, path: Any) -> None:
        """Writes the weights with the recipe that made them, as ``unfold train`` does (safetensors)."""
        self._run("network_save", os.fsencode(path), long=False)

    def on(self, A: Any) -> "Network":
        """The same weights on another operator."""
        handle = self._made()
        other = Network(**{**self.get_params(), "A": as_operator(A)})
        other._own(*other._make("network_move", handle, other.A._handle))
        return other

    @property
    def parameters(self) -> "Parameters":
        """The parameters by name, as arrays; setting one changes the network."""
        return Parameters(self)

    # MARK: scikit-learn's habits

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        names = ("name", "A", "stages", "channels", "seed", "precision", "denoiser_weights")
        return {name: getattr(self, name) for name in names}

    def set_params(self, **values: Any) -> "Network":
        known = self.get_params()
        for name, value in values.items():
            if name not in known:
                raise InputError(f"found the parameter {name}; expected one of {', '.join(known)}")
            setattr(self, name, value)
        if values and self._handle is not None:
            self._finalizer()
            self._handle = None
        return self

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.get_params(), "history_": getattr(self, "history_", None), "weights": None}
        if self._handle is not None:
            state["weights"] = _through_a_file(self.save)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights, history = state.pop("weights"), state.pop("history_")
        self.__init__(**state)  # type: ignore[misc]
        if history is not None:
            self.history_ = history
        if weights is not None:
            _through_a_file(lambda path: self._load(path, self.name), weights)

    def _load(self, path: Any, name: str | None) -> None:
        self._own(
            *self._make(
                "network_load", self.A._handle, os.fsencode(path), None if name is None else name.encode(),
                lib.options(precision=self.precision)))
        self.name, self.stages = self.facts["name"], self.facts["stages"]

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {self.A!r}, stages={self.stages}, seed={self.seed})"

    def _repr_html_(self) -> str:
        from . import _pictures

        self._made()
        points = [(step, error) for step, _, error in getattr(self, "history_", []) if error is not None]
        lines = [f"{self.name}, {self.facts['stages']} stages, {self.facts['parameters']} parameters", repr(self.A)]
        return _pictures.html(None, lines, points, "validation error")


def _through_a_file(use: Callable[[str], Any], given: bytes = b"") -> bytes:
    """The bytes of a file that something writes, or that it reads."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(given)
        file.flush()
        use(file.name)
        with open(file.name, "rb") as written:
            return written.read()


class Parameters(Mapping[str, np.ndarray]):
    """A network's parameters."""

    def __init__(self, network: Network):
        self._network = network
        network._made()
        self._shapes: dict[str, list[int]] = network.facts["shapes"]

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._shapes:
            raise KeyError(name)
        value = np.empty(self._shapes[name])
        self._network._run("network_parameter", name.encode(), 0, byref(lib.describe(value)), long=False)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        value = lib.array(value, name)
        self._network._run("network_parameter", name.encode(), 1, byref(lib.describe(value)), long=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


class _teller:
    """What is told of a training's steps: a bar, a function, or the log."""

    def __init__(self, progress: bool | Progress, name: str):
        self._progress, self._name = progress, name
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if callable(self._progress):
            return self._progress
        if self._progress:
            try:
                from tqdm.auto import tqdm

                self._bar = tqdm(desc=self._name, unit="step")
            except ImportError:
                log.info("%s: tqdm is not installed; the log tells of the training", self._name)
        return self._tell

    def _tell(self, step: int, count: int, loss: float, error: float) -> None:
        if self._bar is not None:
            self._bar.total = count
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix(loss=f"{loss:.3g}", refresh=False)
        elif not math.isnan(error):
            log.info("%s: step %d of %d, loss %.4g, validation %.4g", self._name, step, count, loss, error)

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()


def unfold(
    name: str, A: Any, *, stages: int | None = None, channels: int | None = None, seed: int = 1, precision: str = "single",
    denoiser_weights: Any = None,
) -> Network:
    """An unfolded network of an operator, before training: see :class:`Network`."""
    network = Network(
        name, A, stages=stages, channels=channels, seed=seed, precision=precision, denoiser_weights=denoiser_weights)
    network._made()
    return network


def load(path: Any, A: Any, *, name: str | None = None, precision: str = "single") -> Network:
    """A network with the weights of a file (safetensors): of :meth:`Network.save`, of ``unfold train linear`` or ``cs-mri``, or of
    the authors' programs, where ``name`` says of which network."""
    network = Network(name or "", as_operator(A), precision=precision)
    network._load(path, name)
    return network


def methods() -> dict[str, Any]:
    """The classical methods, and the networks with titles and sources."""
    return lib.call("methods")
