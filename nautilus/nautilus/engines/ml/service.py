"""The ml engine: trains models, keeps their versions, and predicts with the current ones."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import numpy as np
from fastapi import HTTPException, Query, Response
from pydantic import JsonValue
from typing_extensions import override

from nautilus.engines.ml import flow, trainings
from nautilus.engines.ml.batching import Batcher, Inputs
from nautilus.engines.ml.inputs import INPUTS, Array, matrix
from nautilus.engines.ml.models import (
    Instrument,
    Kind,
    ModelInfo,
    ModelState,
    PredictRequest,
    PricePrediction,
    PricePredictions,
    Regime,
    RegimePrediction,
    RegimePredictions,
    TrainRequest,
    VolatilityPrediction,
    VolatilityPredictions,
)
from nautilus.engines.ml.runtime import Model
from nautilus.engines.ml.shelf import Shelf, UnknownModelError
from nautilus.frame.fields import Identifier
from nautilus.frame.job_store import JobSummary
from nautilus.frame.refusal import unfit
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings


class MachineLearning(Service):
    """Trained models and their inference."""

    name = "ml"
    counts = ("predictions_made", "inference_runs")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._shelf = Shelf(lambda content: self.compute.run(Model, content))
        wait_s = settings.batch_wait_ms / 1_000
        self._batcher = Batcher(self._infer, settings.batch_rows, wait_s)

    @override
    def routes(self) -> Router:
        router = Router(tags=["ml"])
        router.get("/models")(self.models)
        router.post("/models/{model}/activate")(self.activate)
        router.post("/ml/predict/price")(self.price)
        router.post("/ml/predict/regime")(self.regime)
        router.post("/ml/predict/volatility")(self.volatility)
        router.post("/ml/train", status_code=202)(self.train)
        router.get("/jobs")(self.jobs)
        router.get("/jobs/{job_id}")(self.job)
        return router

    @override
    async def start(self) -> None:
        if "redis" not in self.stores.needed:
            return
        redis = self.stores.redis
        self.background.start("models", lambda: self._shelf.follow(redis))
        if self.leads:
            self.background.start("trainings", lambda: trainings.work(redis, self._shelf))
            self.background.start("flow", lambda: flow.follow(redis, self._shelf, self.answers))

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        faults: dict[str, JsonValue] = {
            str(kind): text for kind, text in self._shelf.faults.items()
        }
        return {"models_loaded": len(self._shelf), "model_faults": faults}

    async def models(self) -> list[ModelState]:
        """Every version of every model, by kind, the newest first."""
        await self._shelf.refresh(self.stores.redis)
        return self._shelf.states()

    async def activate(self, model: Identifier) -> list[ModelState]:
        """Let this version predict from now on; answers like /models."""
        try:
            await self._shelf.activate(self.stores.redis, model)
        except UnknownModelError as error:
            raise HTTPException(404, f"no model {model}") from error
        return self._shelf.states()

    async def price(self, request: PredictRequest) -> PricePredictions:
        """Each instrument's expected return and price."""
        info, answers = await self._predict(Kind.PRICE, request)
        returns = dict(zip(request.instruments, answers[:, 0].tolist(), strict=True))
        return PricePredictions(
            model=info.id,
            horizon_bars=info.horizon_bars,
            predictions={
                symbol: PricePrediction(
                    expected_return=returns[symbol],
                    expected_price=one.close * (1 + returns[symbol]),
                )
                for symbol, one in request.instruments.items()
            },
        )

    async def regime(self, request: PredictRequest) -> RegimePredictions:
        """Each instrument's regime."""
        info, answers = await self._predict(Kind.REGIME, request)
        regimes = list(Regime)
        return RegimePredictions(
            model=info.id,
            horizon_bars=info.horizon_bars,
            predictions={
                symbol: RegimePrediction(
                    regime=regimes[int(row.argmax())],
                    probabilities=dict(zip(regimes, row.tolist(), strict=True)),
                )
                for symbol, row in zip(request.instruments, answers, strict=True)
            },
        )

    async def volatility(self, request: PredictRequest) -> VolatilityPredictions:
        """Each instrument's volatility."""
        info, answers = await self._predict(Kind.VOLATILITY, request)
        return VolatilityPredictions(
            model=info.id,
            horizon_bars=info.horizon_bars,
            predictions={
                symbol: VolatilityPrediction(volatility=value)
                for symbol, value in zip(request.instruments, answers[:, 0].tolist(), strict=True)
            },
        )

    async def train(self, request: TrainRequest, response: Response) -> JobSummary:
        """Accept a training; GET /jobs/{id} tells how it goes."""
        try:
            job = await trainings.submit(self.stores.redis, request)
        except trainings.TooManyTrainingsError as error:
            raise HTTPException(429, str(error)) from error
        response.headers["Location"] = f"/jobs/{job.id}"
        return job

    async def jobs(self, limit: Annotated[int, Query(ge=1, le=1_000)] = 50) -> list[JobSummary]:
        """The last trainings, the newest first."""
        return list((await trainings.jobs(self.stores.redis))[:limit])

    async def job(self, job_id: UUID) -> trainings.TrainingJob:
        """One training, and its model or error once it ended."""
        job = await trainings.find(self.stores.redis, str(job_id))
        if job is None:
            raise HTTPException(404, f"no job {job_id}")
        return job

    async def answers(self, info: ModelInfo, model: Model, instruments: list[Instrument]) -> Array:
        """A model's answers in their unit, a row an instrument."""
        closes = np.array([one.close for one in instruments])
        features = {
            name: np.array([getattr(one.features, name) for one in instruments]) for name in INPUTS
        }
        inputs = matrix(closes, features).astype(np.float32)
        answers = await self._batcher.predict(model, inputs) * info.target_scale
        self.shared.add("predictions_made", len(instruments))
        return np.maximum(answers, 0.0) if info.kind is Kind.VOLATILITY else answers

    async def _predict(self, kind: Kind, request: PredictRequest) -> tuple[ModelInfo, Array]:
        current = self._shelf.current(kind)
        if current is None:
            fault = self._shelf.faults.get(kind)
            if fault is not None:
                raise HTTPException(503, fault)
            raise HTTPException(404, f"no model of {kind}: train one")
        info, model = current
        answers = await self.answers(info, model, list(request.instruments.values()))
        for symbol, row in zip(request.instruments, answers, strict=True):
            if not np.isfinite(row).all():
                raise unfit("instruments", f"{symbol} is beyond what {info.id} can answer")
        return info, answers

    async def _infer(self, model: Model, inputs: Inputs) -> Array:
        self.shared.add("inference_runs")
        return await self.compute.run(model.run, inputs)
