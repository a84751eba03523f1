-- Runs whose attempts may be made on several nodes: at which place of its policy the next one is, counted from 0; and
-- of each attempt on which node it was, empty for the one that keeps the run.

ALTER TABLE runs ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN node TEXT NOT NULL DEFAULT '';
