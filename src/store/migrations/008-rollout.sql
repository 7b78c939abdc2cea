-- How the containers of a service are replaced: 'start-first', 'stop-first', NULL by whether it has an endpoint.
ALTER TABLE services ADD COLUMN rollout TEXT CHECK (rollout IN ('start-first', 'stop-first'));
