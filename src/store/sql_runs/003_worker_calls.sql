-- Which worker has an attempt, and under which number: so that a node finds the run again when that worker
-- outlives the node before. A worker's nonce in hex, a slash, and the number.

ALTER TABLE attempts ADD COLUMN worker_call TEXT NOT NULL DEFAULT '';
