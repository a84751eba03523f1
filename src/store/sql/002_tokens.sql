-- Tokens for HTTP over TCP. A token itself is nowhere: `digest` is its SHA-256 in hex.

CREATE TABLE tokens (
  id         TEXT PRIMARY KEY NOT NULL,
  digest     TEXT NOT NULL,
  rights     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
