-- Runs at every start, under a lock; each statement leaves what exists alone.
CREATE SCHEMA IF NOT EXISTS analytics;

-- What a portfolio was worth at the end of each second in which it was told.
CREATE TABLE IF NOT EXISTS analytics.equity (
    portfolio text             NOT NULL,
    at        timestamptz      NOT NULL,
    equity    double precision NOT NULL,
    PRIMARY KEY (portfolio, at)
);
