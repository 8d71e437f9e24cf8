-- The hosts of services, and how many calls each has in flight. Triggers count: whatever ends a
-- call, the figures are right.

CREATE TABLE IF NOT EXISTS members (
    service     TEXT NOT NULL,
    lambda_id   TEXT NOT NULL,
    connection  TEXT NOT NULL,
    owner       TEXT NOT NULL,
    private     INTEGER NOT NULL,
    max_calls   INTEGER,
    in_flight   INTEGER NOT NULL,
    turn        INTEGER NOT NULL,           -- when it was chosen last, in calls of the service
    PRIMARY KEY (service, lambda_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_lambda ON members (lambda_id);
CREATE INDEX IF NOT EXISTS members_free ON members (service, in_flight, turn)
    WHERE max_calls IS NULL OR in_flight < max_calls;

-- How often a host of a service was chosen.
CREATE TABLE IF NOT EXISTS turns (
    service     TEXT PRIMARY KEY,
    turn        INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS calls_once_of_service ON calls (once) WHERE service != '';

CREATE TRIGGER IF NOT EXISTS members_begun AFTER INSERT ON calls WHEN NEW.status IS NULL BEGIN
    UPDATE members SET in_flight = in_flight + 1
    WHERE lambda_id = NEW.lambda_id AND connection = NEW.connection;
END;
CREATE TRIGGER IF NOT EXISTS members_ended AFTER UPDATE OF status ON calls
WHEN OLD.status IS NULL AND NEW.status IS NOT NULL BEGIN
    UPDATE members SET in_flight = max(0, in_flight - 1)
    WHERE lambda_id = OLD.lambda_id AND connection = OLD.connection;
END;
CREATE TRIGGER IF NOT EXISTS members_begun_again AFTER UPDATE OF status ON calls
WHEN OLD.status IS NOT NULL AND NEW.status IS NULL BEGIN
    UPDATE members SET in_flight = in_flight + 1
    WHERE lambda_id = NEW.lambda_id AND connection = NEW.connection;
END;
CREATE TRIGGER IF NOT EXISTS members_dropped AFTER DELETE ON calls WHEN OLD.status IS NULL BEGIN
    UPDATE members SET in_flight = max(0, in_flight - 1)
    WHERE lambda_id = OLD.lambda_id AND connection = OLD.connection;
END;
CREATE TRIGGER IF NOT EXISTS members_closed AFTER DELETE ON lambdas BEGIN
    DELETE FROM members WHERE lambda_id = OLD.id;
END;
