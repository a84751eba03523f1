-- Runs that somebody has asked to end, or whose time is up: why ('cancel', 'timeout'), and the text. On disk before the
-- code is interrupted, so that a node that is killed meanwhile doesn't take the end for a loss.

ALTER TABLE runs ADD COLUMN stop_cause TEXT;
ALTER TABLE runs ADD COLUMN stop_reason TEXT NOT NULL DEFAULT '';
