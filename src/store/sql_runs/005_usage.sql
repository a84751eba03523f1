-- What a run was made of, and what its attempts held of the node: for its record. GPUs in thousandths; the price
-- for an hour of that part of the node in millionths.

ALTER TABLE runs ADD COLUMN snapshot TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN image TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN gpus INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN price INTEGER;
