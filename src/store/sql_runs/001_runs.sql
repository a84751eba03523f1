-- Schema of the node's runs; src/store/runs.h says what holds. Times are milliseconds since 1970, UTC.

CREATE TABLE runs (
  id             TEXT PRIMARY KEY NOT NULL,
  key            TEXT UNIQUE,
  service        TEXT NOT NULL,
  version        TEXT NOT NULL,
  object         TEXT NOT NULL,
  member         TEXT NOT NULL,
  head           BLOB NOT NULL,
  digest         TEXT NOT NULL,
  caller         TEXT NOT NULL,
  node           TEXT NOT NULL,
  timeout_ms     INTEGER,
  grace_ms       INTEGER NOT NULL,
  status         TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'unknown', 'lost')),
  attempt        INTEGER NOT NULL DEFAULT 0,
  created_at     INTEGER NOT NULL,
  started_at     INTEGER,
  ended_at       INTEGER,
  error_kind     TEXT,
  error_type     TEXT NOT NULL DEFAULT '',
  error_message  TEXT NOT NULL DEFAULT '',
  traceback      TEXT NOT NULL DEFAULT '',
  reason         TEXT NOT NULL DEFAULT '',
  arguments_size INTEGER NOT NULL DEFAULT 0,
  answer_size    INTEGER NOT NULL DEFAULT 0,
  log_size       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_unfinished ON runs (id) WHERE status IN ('queued', 'running');
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_by_service ON runs (service, id);

-- What a run was given and what it answered; without bytes they lie in a file beside the database.
CREATE TABLE payloads (
  run   TEXT NOT NULL,
  what  TEXT NOT NULL CHECK (what IN ('arguments', 'result', 'error')),
  head  BLOB NOT NULL,
  bytes BLOB,
  PRIMARY KEY (run, what)
) STRICT;

CREATE TABLE attempts (
  run        TEXT NOT NULL,
  n          INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  outcome    TEXT,
  reason     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;
