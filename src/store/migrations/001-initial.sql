-- Ids are AUTOINCREMENT, so that none is ever given twice: sealed values and labels are bound to them.
-- Times are ISO 8601, UTC. Lists are JSON arrays.

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  operator INTEGER NOT NULL CHECK (operator IN (0, 1)),
  created_at TEXT NOT NULL
) STRICT;

-- A key logs in exactly one member.
CREATE TABLE keys (
  fingerprint TEXT PRIMARY KEY,
  member_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  blob BLOB NOT NULL,
  comment TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX keys_of_member ON keys (member_id);

CREATE TABLE environments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  handle TEXT NOT NULL UNIQUE,
  stack TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE roles (
  environment_id INTEGER NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
  member_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('observe', 'deploy', 'admin')),
  PRIMARY KEY (environment_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX roles_of_member ON roles (member_id);

-- The subnet stays taken until the network was removed from the engine.
CREATE TABLE networks (
  environment_id INTEGER PRIMARY KEY REFERENCES environments (id) ON DELETE CASCADE,
  subnet TEXT NOT NULL
) STRICT;

CREATE TABLE apps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  environment_id INTEGER NOT NULL REFERENCES environments (id) ON DELETE RESTRICT,
  handle TEXT NOT NULL,
  live_release INTEGER,
  created_at TEXT NOT NULL,
  UNIQUE (environment_id, handle),
  FOREIGN KEY (id, live_release) REFERENCES releases (app_id, number) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- `sealed` is what the vault made of all variables of that version together. Names of variables are no secret.
CREATE TABLE configs (
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  version INTEGER NOT NULL CHECK (version > 0),
  sealed BLOB NOT NULL,
  actor TEXT NOT NULL,
  set_names TEXT NOT NULL,
  unset_names TEXT NOT NULL,
  -- 1 for a version that a deploy wrote together with its release: it counts only if that release goes live.
  with_release INTEGER NOT NULL DEFAULT 0 CHECK (with_release IN (0, 1)),
  created_at TEXT NOT NULL,
  PRIMARY KEY (app_id, version)
) STRICT;

CREATE TABLE operations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  actor TEXT NOT NULL,
  actor_key TEXT NOT NULL,
  actor_address TEXT NOT NULL,
  subject TEXT NOT NULL,
  problem TEXT,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  UNIQUE (app_id, number),
  CHECK ((ended_at IS NULL) = (state IN ('queued', 'running')))
) STRICT;
CREATE INDEX unfinished_operations ON operations (id) WHERE ended_at IS NULL;

CREATE TABLE operation_lines (
  operation_id INTEGER NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (operation_id, position)
) STRICT, WITHOUT ROWID;

-- `config_version` 0 is the empty config before the first. A release that never served keeps promoted_at NULL.
CREATE TABLE releases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  image_tag TEXT NOT NULL,
  image_digest TEXT,
  image_id TEXT NOT NULL,
  image_source TEXT NOT NULL,
  processes TEXT NOT NULL,
  config_version INTEGER NOT NULL,
  commit_id TEXT NOT NULL,
  operation INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  promoted_at TEXT,
  UNIQUE (app_id, number)
) STRICT;
