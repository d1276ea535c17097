-- Runs at every start, under a lock; each statement leaves what exists alone.
CREATE SCHEMA IF NOT EXISTS portfolio;

CREATE TABLE IF NOT EXISTS portfolio.accounts (
    portfolio text PRIMARY KEY,
    opened_at timestamptz      NOT NULL,
    capital   double precision NOT NULL,
    cash      double precision NOT NULL,
    -- The last order filled: its place in the topic of orders.
    filled_to text             NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS portfolio.holdings (
    portfolio text             NOT NULL REFERENCES portfolio.accounts,
    symbol    text             NOT NULL,
    quantity  double precision NOT NULL,
    price     double precision NOT NULL,
    PRIMARY KEY (portfolio, symbol)
);

-- An order's id is known here once it is filled, so that it is never filled twice.
CREATE TABLE IF NOT EXISTS portfolio.fills (
    id        text PRIMARY KEY,
    portfolio text             NOT NULL REFERENCES portfolio.accounts,
    strategy  text             NOT NULL,
    symbol    text             NOT NULL,
    at        timestamptz      NOT NULL,
    quantity  double precision NOT NULL,
    price     double precision NOT NULL
);
CREATE INDEX IF NOT EXISTS fills_by_portfolio ON portfolio.fills (portfolio, at);
