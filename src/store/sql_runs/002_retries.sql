-- Runs that are tried again: by what policy (JSON), when, with how much memory; and of each attempt how it
-- ended, where its log begins, and what memory and processor time it took.

ALTER TABLE runs ADD COLUMN policy TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN not_before INTEGER;
ALTER TABLE runs ADD COLUMN memory INTEGER;

ALTER TABLE attempts ADD COLUMN error_kind TEXT;
ALTER TABLE attempts ADD COLUMN error_type TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN error_message TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN log_offset INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN memory_limit INTEGER;
ALTER TABLE attempts ADD COLUMN memory_peak INTEGER;
ALTER TABLE attempts ADD COLUMN cpu_ms INTEGER;
