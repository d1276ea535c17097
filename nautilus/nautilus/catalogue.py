"""Every service by name. Only the one that is started is imported."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus.frame.service import Service

SERVICES = {
    "analytics": "nautilus.engines.analytics.service:Analytics",
    "backend": "nautilus.backend.service:Backend",
    "factor": "nautilus.engines.factor.service:Factor",
    "features": "nautilus.engines.features.service:Features",
    "marketdata": "nautilus.engines.marketdata.service:MarketData",
    "ml": "nautilus.engines.ml.service:MachineLearning",
    "portfolio": "nautilus.engines.portfolio.service:Portfolio",
    "risk": "nautilus.engines.risk.service:Risk",
    "strategy": "nautilus.engines.strategy.service:StrategyEngine",
    "websocket": "nautilus.engines.websocket.service:WebSocketHub",
}


def load(name: str) -> "type[Service]":
    """The class of a service; raises KeyError for an unknown name."""
    module, _, attribute = SERVICES[name].partition(":")
    service: type[Service] = getattr(import_module(module), attribute)
    return service
