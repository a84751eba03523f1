-- Images: environments that were built on this node. `spec` is what they were built from, as JSON.

CREATE TABLE images (
  digest     TEXT PRIMARY KEY NOT NULL,
  spec       TEXT NOT NULL,
  size       INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
