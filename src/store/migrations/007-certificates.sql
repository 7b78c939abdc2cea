-- Certificates of endpoints. Every column `sealed` is a private key as the vault made it.

CREATE TABLE certificates (
  endpoint_id INTEGER PRIMARY KEY REFERENCES endpoints (id) ON DELETE CASCADE,
  chain TEXT NOT NULL,
  sealed BLOB NOT NULL,
  not_before TEXT NOT NULL,
  not_after TEXT NOT NULL,
  source TEXT NOT NULL
) STRICT;

-- Why the last attempt to get one failed. Gone with the first that succeeds.
CREATE TABLE certificate_troubles (
  endpoint_id INTEGER PRIMARY KEY REFERENCES endpoints (id) ON DELETE CASCADE,
  headline TEXT NOT NULL,
  saw TEXT NOT NULL,
  hint TEXT NOT NULL,
  failures INTEGER NOT NULL CHECK (failures >= 1),
  retry_at TEXT NOT NULL
) STRICT;

-- The gateway's own authority, made at first use.
CREATE TABLE certificate_authority (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  certificate TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

-- The gateway's accounts with ACME authorities, by the address of their directory.
CREATE TABLE acme_accounts (
  directory TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  email TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
