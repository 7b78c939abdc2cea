-- Who did what. Without references: it outlives members, keys, apps and environments. `words` and `options` are lists
-- of names, never of values. No outcome: it still runs.
CREATE TABLE activity (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  created_at TEXT NOT NULL,
  actor TEXT NOT NULL,
  actor_key TEXT NOT NULL,
  actor_address TEXT NOT NULL,
  command TEXT NOT NULL,
  words TEXT NOT NULL,
  options TEXT NOT NULL,
  environment_id INTEGER,
  environment TEXT,
  app TEXT,
  stack TEXT,
  outcome TEXT
) STRICT;
CREATE INDEX activity_of_environment ON activity (environment_id, id);
CREATE INDEX activity_by_time ON activity (created_at);
