"""The tables of the engines that made their own before: where those exist they are kept."""

from alembic import op

revision = "0003"
down_revision = "0002"

MARKETDATA = (
    "CREATE SCHEMA IF NOT EXISTS marketdata",
    """
CREATE TABLE IF NOT EXISTS marketdata.ticks (
    symbol   text             NOT NULL,
    at       timestamptz      NOT NULL,
    sequence integer          NOT NULL,
    price    double precision NOT NULL,
    size     double precision NOT NULL,
    PRIMARY KEY (symbol, at, sequence)
)
""",
    """
-- first_at and last_at let ticks come in any order: see ingest.sql.
CREATE TABLE IF NOT EXISTS marketdata.bars (
    symbol        text             NOT NULL,
    "interval"    text             NOT NULL,
    at            timestamptz      NOT NULL,
    open          double precision NOT NULL,
    high          double precision NOT NULL,
    low           double precision NOT NULL,
    close         double precision NOT NULL,
    volume        double precision NOT NULL,
    ticks         bigint           NOT NULL,
    first_at      timestamptz      NOT NULL,
    first_sequence integer         NOT NULL,
    last_at       timestamptz      NOT NULL,
    last_sequence integer          NOT NULL,
    PRIMARY KEY (symbol, "interval", at)
)
""",
    """
CREATE TABLE IF NOT EXISTS marketdata.symbols (
    symbol     text PRIMARY KEY,
    ticks      bigint           NOT NULL,
    last_at    timestamptz      NOT NULL,
    last_price double precision NOT NULL
)
""",
    """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('marketdata.ticks', 'at',
            chunk_time_interval => interval '1 day', if_not_exists => true, migrate_data => true);
        PERFORM create_hypertable('marketdata.bars', 'at',
            chunk_time_interval => interval '7 days', if_not_exists => true, migrate_data => true);
    END IF;
END
$$
""",
)

PORTFOLIO = (
    "CREATE SCHEMA IF NOT EXISTS portfolio",
    """
CREATE TABLE IF NOT EXISTS portfolio.accounts (
    portfolio text PRIMARY KEY,
    opened_at timestamptz      NOT NULL,
    capital   double precision NOT NULL,
    cash      double precision NOT NULL,
    -- The last order filled: its place in the topic of orders.
    filled_to text             NOT NULL DEFAULT ''
)
""",
    """
CREATE TABLE IF NOT EXISTS portfolio.holdings (
    portfolio text             NOT NULL REFERENCES portfolio.accounts,
    symbol    text             NOT NULL,
    quantity  double precision NOT NULL,
    price     double precision NOT NULL,
    PRIMARY KEY (portfolio, symbol)
)
""",
    """
-- An order's id is known here once it is filled, so that it is never filled twice.
CREATE TABLE IF NOT EXISTS portfolio.fills (
    id        text PRIMARY KEY,
    portfolio text             NOT NULL REFERENCES portfolio.accounts,
    strategy  text             NOT NULL,
    symbol    text             NOT NULL,
    at        timestamptz      NOT NULL,
    quantity  double precision NOT NULL,
    price     double precision NOT NULL
)
""",
    "CREATE INDEX IF NOT EXISTS fills_by_portfolio ON portfolio.fills (portfolio, at)",
)

ANALYTICS = (
    "CREATE SCHEMA IF NOT EXISTS analytics",
    """
-- What a portfolio was worth at the end of each second in which it was told.
CREATE TABLE IF NOT EXISTS analytics.equity (
    portfolio text             NOT NULL,
    at        timestamptz      NOT NULL,
    equity    double precision NOT NULL,
    PRIMARY KEY (portfolio, at)
)
""",
)


def upgrade() -> None:
    """Hypertables where TimescaleDB is there, plain tables elsewhere."""
    for statement in (*MARKETDATA, *PORTFOLIO, *ANALYTICS):
        op.execute(statement)
