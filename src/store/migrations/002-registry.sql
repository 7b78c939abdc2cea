-- Credentials for registries, from every place they may be kept. Every column `sealed` is what the vault made, of
-- everything secret in its row; the name of a user is no secret. The vault checks its key by any column of that name.

-- Of exactly one app, environment or stack. A stack is no row here: what is kept for it stays until it is taken out.
CREATE TABLE registry_credentials (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER REFERENCES apps (id) ON DELETE CASCADE,
  environment_id INTEGER REFERENCES environments (id) ON DELETE CASCADE,
  stack TEXT,
  host TEXT NOT NULL,
  path TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('password', 'identity-token')),
  username TEXT NOT NULL,
  sealed BLOB NOT NULL,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL,
  -- The indexes of these find the credentials of a host, and what goes with its owner.
  UNIQUE (app_id, host, path),
  UNIQUE (environment_id, host, path),
  UNIQUE (stack, host, path),
  CHECK ((app_id IS NOT NULL) + (environment_id IS NOT NULL) + (stack IS NOT NULL) = 1)
) STRICT;

-- Key pairs of an app. The private half is there as long as the pair is the current one, and not a moment longer.
CREATE TABLE registry_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  recipient TEXT NOT NULL,
  sealed BLOB,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL,
  retired_at TEXT,
  UNIQUE (app_id, recipient),
  CHECK ((sealed IS NULL) = (retired_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX current_registry_key ON registry_keys (app_id) WHERE retired_at IS NULL;

-- Sealed as a whole: the query of a presigned address is as good as a password.
CREATE TABLE registry_uris (
  app_id INTEGER PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
  sealed BLOB NOT NULL,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

-- An id is never given twice: what a generator wrote is remembered by it.
CREATE TABLE registry_generators (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  image TEXT NOT NULL,
  sealed BLOB NOT NULL,
  ttl INTEGER NOT NULL,
  timeout INTEGER NOT NULL,
  host TEXT,
  add_docker INTEGER NOT NULL CHECK (add_docker IN (0, 1)),
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (app_id, name)
) STRICT;

-- `actor` and `created_at` are of the value that is there now.
CREATE TABLE secrets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL UNIQUE,
  sealed BLOB NOT NULL,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

-- A secret stays as long as an app uses it.
CREATE TABLE secret_uses (
  app_id INTEGER PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
  secret_id INTEGER NOT NULL REFERENCES secrets (id) ON DELETE RESTRICT,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX uses_of_secret ON secret_uses (secret_id);

-- The right on a path and on all below it, whether secrets are there or not.
CREATE TABLE secret_grants (
  member_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (member_id, path)
) STRICT, WITHOUT ROWID;

-- Names that images bear on an engine for as long as they are pulled or pushed: what a crash leaves there is taken away.
CREATE TABLE passing_names (
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (app_id, name)
) STRICT, WITHOUT ROWID;
