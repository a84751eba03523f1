-- Schema of the node's ledger; src/store/ledger.h says what each table is for. Times are milliseconds
-- since 1970, UTC.

CREATE TABLE services (
  version    TEXT PRIMARY KEY NOT NULL,
  name       TEXT NOT NULL,
  project    TEXT NOT NULL,
  spec       TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX services_by_age ON services (created_at);

CREATE TABLE names (
  name     TEXT PRIMARY KEY NOT NULL,
  version  TEXT NOT NULL,
  saved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE objects (
  id         TEXT PRIMARY KEY NOT NULL,
  name       TEXT UNIQUE,
  kind       TEXT NOT NULL CHECK (kind IN ('live', 'value')),
  version    TEXT,
  generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at   INTEGER,
  end_reason TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE clusters (
  name       TEXT PRIMARY KEY NOT NULL,
  spec       TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
  environment TEXT NOT NULL,
  module      TEXT NOT NULL,
  position    INTEGER NOT NULL,
  PRIMARY KEY (environment, module)
) STRICT, WITHOUT ROWID;

CREATE TABLE refused_imports (
  environment TEXT NOT NULL,
  module      TEXT NOT NULL,
  reason      TEXT NOT NULL,
  PRIMARY KEY (environment, module)
) STRICT, WITHOUT ROWID;
