-- How many containers each process of an app has, and of which size. A process without a row has one container of the
-- stack's size. A row outlives the process: it counts again when the process comes back.
CREATE TABLE services (
  app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  process TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  -- Bytes, and cores; NULL is the most that the stack allows.
  memory INTEGER CHECK (memory > 0),
  cpus REAL CHECK (cpus > 0),
  -- For each index from 1, the number of the operation whose container serves; 0, and what the list does not reach, is
  -- the container that the live release came to life with.
  started_by TEXT NOT NULL,
  -- Number of the operation that wrote this row last.
  shaped_by INTEGER NOT NULL,
  PRIMARY KEY (app_id, process)
) STRICT, WITHOUT ROWID;
