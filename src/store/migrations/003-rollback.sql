-- Of a release that a rollback made: the number of the one that it brought back.
ALTER TABLE releases ADD COLUMN rollback_of INTEGER;
