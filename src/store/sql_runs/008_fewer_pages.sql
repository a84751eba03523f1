-- What a submission and its end write in as few pages as possible, since each is synced: a run's row has its small
-- arguments and its small answer, only runs with a key are in the index of keys, and a start touches no index.
-- No query used runs_by_service. Payloads stay where they are; new ones are there only if they are too large for a row.

DROP INDEX runs_unfinished;
DROP INDEX runs_by_end;
DROP INDEX runs_by_service;
ALTER TABLE runs RENAME TO runs_before;

CREATE TABLE runs (
  id             TEXT PRIMARY KEY NOT NULL,
  key            TEXT,
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
  log_size       INTEGER NOT NULL DEFAULT 0,
  policy         TEXT NOT NULL DEFAULT '',
  not_before     INTEGER,
  memory         INTEGER,
  keep_args      INTEGER NOT NULL DEFAULT 0,
  replays        TEXT NOT NULL DEFAULT '',
  snapshot       TEXT NOT NULL DEFAULT '',
  image          TEXT NOT NULL DEFAULT '',
  place          INTEGER NOT NULL DEFAULT 0,
  stop_cause     TEXT,
  stop_reason    TEXT NOT NULL DEFAULT '',
  arguments      BLOB, -- NULL: there are none, or they are among the payloads
  answer_kind    TEXT CHECK (answer_kind IN ('result', 'error')), -- NULL: the same of the answer
  answer_head    BLOB,
  answer         BLOB
) STRICT;

INSERT INTO runs (id, key, service, version, object, member, head, digest, caller, node, timeout_ms, grace_ms, status,
  attempt, created_at, started_at, ended_at, error_kind, error_type, error_message, traceback, reason, arguments_size,
  answer_size, log_size, policy, not_before, memory, keep_args, replays, snapshot, image, place, stop_cause, stop_reason)
SELECT id, key, service, version, object, member, head, digest, caller, node, timeout_ms, grace_ms, status,
  attempt, created_at, started_at, ended_at, error_kind, error_type, error_message, traceback, reason, arguments_size,
  answer_size, log_size, policy, not_before, memory, keep_args, replays, snapshot, image, place, stop_cause, stop_reason
FROM runs_before ORDER BY id;
DROP TABLE runs_before;

CREATE UNIQUE INDEX runs_by_key ON runs (key) WHERE key IS NOT NULL;
CREATE INDEX runs_unfinished ON runs (id) WHERE ended_at IS NULL;
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;
