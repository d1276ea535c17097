-- What the release before the archive ran for each batch of ticks.
-- Store the ticks of the temporary table `incoming` that are not known yet, and bring every bar
-- that they belong to up to date. Returns how many were new, beside the bars as they then stand.
WITH fresh AS (
    INSERT INTO marketdata.ticks (symbol, at, sequence, price, size)
    SELECT symbol, at, sequence, price, size FROM incoming ORDER BY symbol, at, sequence
    ON CONFLICT DO NOTHING
    RETURNING symbol, at, sequence, price, size
),
tracked AS (
    INSERT INTO marketdata.symbols AS known (symbol, ticks, last_at, last_price)
    SELECT symbol, count(*), max(at), (array_agg(price ORDER BY at DESC, sequence DESC))[1]
    FROM fresh GROUP BY symbol ORDER BY symbol
    ON CONFLICT (symbol) DO UPDATE SET
        ticks = known.ticks + excluded.ticks,
        last_price = CASE WHEN excluded.last_at >= known.last_at
            THEN excluded.last_price ELSE known.last_price END,
        last_at = greatest(known.last_at, excluded.last_at)
    RETURNING symbol
),
updated AS (
    INSERT INTO marketdata.bars AS known
    SELECT
        symbol,
        span.name,
        date_bin(span.length, at, 'epoch') AS opened,
        (array_agg(price ORDER BY at, sequence))[1],
        max(price),
        min(price),
        (array_agg(price ORDER BY at DESC, sequence DESC))[1],
        sum(size),
        count(*),
        (array_agg(at ORDER BY at, sequence))[1],
        (array_agg(sequence ORDER BY at, sequence))[1],
        (array_agg(at ORDER BY at DESC, sequence DESC))[1],
        (array_agg(sequence ORDER BY at DESC, sequence DESC))[1]
    FROM fresh CROSS JOIN unnest($1::text[], $2::interval[]) AS span (name, length)
    GROUP BY symbol, span.name, opened
    ORDER BY symbol, span.name, opened
    ON CONFLICT (symbol, "interval", at) DO UPDATE SET
        open = CASE WHEN (excluded.first_at, excluded.first_sequence)
            < (known.first_at, known.first_sequence) THEN excluded.open ELSE known.open END,
        close = CASE WHEN (excluded.last_at, excluded.last_sequence)
            > (known.last_at, known.last_sequence) THEN excluded.close ELSE known.close END,
        first_sequence = CASE WHEN (excluded.first_at, excluded.first_sequence)
            < (known.first_at, known.first_sequence)
            THEN excluded.first_sequence ELSE known.first_sequence END,
        first_at = least(known.first_at, excluded.first_at),
        last_sequence = CASE WHEN (excluded.last_at, excluded.last_sequence)
            > (known.last_at, known.last_sequence)
            THEN excluded.last_sequence ELSE known.last_sequence END,
        last_at = greatest(known.last_at, excluded.last_at),
        high = greatest(known.high, excluded.high),
        low = least(known.low, excluded.low),
        volume = known.volume + excluded.volume,
        ticks = known.ticks + excluded.ticks
    RETURNING symbol, "interval", at, open, high, low, close, volume, ticks
)
SELECT (SELECT count(*) FROM fresh) AS stored, updated.* FROM updated
