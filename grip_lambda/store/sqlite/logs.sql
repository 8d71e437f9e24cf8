-- Logs; see store/logs.py. Times are seconds since 1970.

CREATE TABLE IF NOT EXISTS logs (
    lambda_id   TEXT NOT NULL,
    log         TEXT NOT NULL,
    last        INTEGER NOT NULL DEFAULT 0,
    count       INTEGER NOT NULL DEFAULT 0,     -- of the entries that are kept,
    bytes       INTEGER NOT NULL DEFAULT 0,     -- and their size
    final       INTEGER NOT NULL DEFAULT 0,
    hold        INTEGER NOT NULL DEFAULT 0,
    node        TEXT NOT NULL DEFAULT '',
    kind        TEXT NOT NULL DEFAULT '',
    seen        INTEGER NOT NULL DEFAULT 0,
    until       REAL NOT NULL DEFAULT 0,
    away_since  REAL,
    full_at     REAL NOT NULL DEFAULT 0,        -- when it was last found to be full
    expires     REAL NOT NULL,
    PRIMARY KEY (lambda_id, log)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logs_expires ON logs (expires);

CREATE TABLE IF NOT EXISTS entries (
    lambda_id   TEXT NOT NULL,
    log         TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    call        TEXT,
    expires     REAL NOT NULL,
    data        BLOB NOT NULL,
    PRIMARY KEY (lambda_id, log, seq)
);
