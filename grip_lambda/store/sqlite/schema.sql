-- The embedded store. Times are seconds since 1970.
-- The version stands in user_version; see file.py.

CREATE TABLE IF NOT EXISTS lambdas (
    id          TEXT PRIMARY KEY,
    connection  TEXT NOT NULL,
    node        TEXT NOT NULL,
    code        TEXT NOT NULL,
    generation  TEXT NOT NULL,
    opened      REAL NOT NULL,
    expires     REAL NOT NULL,
    headers     TEXT NOT NULL,      -- JSON: canonical names to lists of strings
    methods     TEXT,               -- JSON: list of names
    max_calls   INTEGER,
    transport   TEXT NOT NULL,
    context     INTEGER NOT NULL,
    owner       TEXT NOT NULL,
    private     INTEGER NOT NULL,
    client      TEXT NOT NULL,
    described   TEXT NOT NULL,      -- JSON: list of objects, or empty
    busy_until  REAL NOT NULL DEFAULT 0,    -- store.base.Store.take_turn
    calls       INTEGER NOT NULL DEFAULT 0, -- from here on: store.watching.Watched
    errors      INTEGER NOT NULL DEFAULT 0,
    total_ms    REAL NOT NULL DEFAULT 0,
    max_ms      REAL NOT NULL DEFAULT 0,
    last_call   REAL NOT NULL DEFAULT 0,
    services    TEXT NOT NULL DEFAULT '[]'  -- JSON: list of names
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lambdas_expires ON lambdas (expires);
CREATE INDEX IF NOT EXISTS lambdas_client ON lambdas (client);

-- Which ids were open within the last day.
CREATE TABLE IF NOT EXISTS remembered (
    id          TEXT PRIMARY KEY,
    generation  TEXT NOT NULL,
    owner       TEXT NOT NULL,
    expires     REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS remembered_expires ON remembered (expires);

-- A call without a status waits until it is due, which is its deadline;
-- one with a status is kept until it is due. It has row ids: without them, each search for a token
-- would read the bodies that it comes past.
CREATE TABLE IF NOT EXISTS calls (
    token       TEXT PRIMARY KEY,
    lambda_id   TEXT NOT NULL,
    connection  TEXT NOT NULL,
    node        TEXT NOT NULL,
    deadline    REAL NOT NULL,
    kind        TEXT NOT NULL,
    details     TEXT NOT NULL,
    kept_s      REAL NOT NULL,
    created     REAL NOT NULL,
    key         TEXT NOT NULL,
    client      TEXT NOT NULL,
    about       TEXT NOT NULL,      -- store.facts.Call
    once        TEXT,               -- store.base.Once
    fingerprint TEXT,
    due         REAL NOT NULL,
    status      INTEGER,
    body        BLOB,
    extra       BLOB,
    service     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS calls_due ON calls (due);
CREATE INDEX IF NOT EXISTS calls_waiting ON calls (lambda_id) WHERE status IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS calls_once ON calls (lambda_id, once) WHERE once IS NOT NULL;

-- Who waits for a call that another began.
CREATE TABLE IF NOT EXISTS waits (
    token       TEXT PRIMARY KEY,
    call        TEXT NOT NULL,
    lambda_id   TEXT NOT NULL,
    node        TEXT NOT NULL,
    deadline    REAL NOT NULL,
    kind        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waits_deadline ON waits (deadline);
CREATE INDEX IF NOT EXISTS waits_call ON waits (call);

-- What processes tell each other.
CREATE TABLE IF NOT EXISTS reports (
    board       TEXT NOT NULL,      -- what they tell of
    process     TEXT NOT NULL,
    report      BLOB NOT NULL,
    expires     REAL NOT NULL,
    PRIMARY KEY (board, process)
);

-- When API keys were used last.
CREATE TABLE IF NOT EXISTS used_keys (
    key         TEXT PRIMARY KEY,
    used        REAL NOT NULL
) WITHOUT ROWID;

-- What calls were asked with and answered, if that is to be inspected.
CREATE TABLE IF NOT EXISTS bodies (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    lambda_id   TEXT NOT NULL,
    body        BLOB,
    body_size   INTEGER NOT NULL,
    result      BLOB,
    result_size INTEGER NOT NULL,
    expires     REAL NOT NULL
);
