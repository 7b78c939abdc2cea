-- Under which hostnames requests reach the services of apps. The slot is the router's number for it, from 0.
CREATE TABLE endpoints (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  hostname TEXT NOT NULL UNIQUE,
  service TEXT NOT NULL,
  -- NULL: what the containers say that they were made for.
  port INTEGER CHECK (port BETWEEN 1 AND 65535),
  path TEXT,
  tls TEXT NOT NULL CHECK (tls IN ('off', 'internal', 'acme', 'file')),
  slot INTEGER NOT NULL UNIQUE CHECK (slot >= 0),
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX endpoints_of_app ON endpoints (app_id);
