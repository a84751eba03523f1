-- Runs that can be replayed after their end: whether the arguments stay until the run is forgotten, and which run
-- this one replays. Runs that ended before this was asked for have their arguments still.

ALTER TABLE runs ADD COLUMN keep_args INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN replays TEXT NOT NULL DEFAULT '';
UPDATE runs SET keep_args = 1 WHERE ended_at IS NOT NULL;
