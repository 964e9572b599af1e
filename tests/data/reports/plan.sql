-- tenant 4: refused: changed: 0001_rooms
-- tenant 5: unreachable: server 'main': connection refused
-- tenant 6: not started: SIGINT
-- plan A, for tenants 2, 3

-- migrations/tenant/0001_rooms.sql, sha256:0ef3e65a028ce8595ddca24d9a9a2c302280440373b47298bfb7d0bab31bb1f9
BEGIN;
CREATE TABLE rooms (id serial PRIMARY KEY, name text NOT NULL);
-- tenantry writes its row to _migrations here
COMMIT;

-- migrations/tenant/0002_rates.sql, sha256:a1c3383a6e351a98ec91a4874cc391bc358be9b7b5935effce35dd4c24001def
BEGIN;
-- Rates, per hour
ALTER TABLE rooms
  ADD hourly_rate numeric(10,2) NOT NULL;
-- tenantry writes its row to _migrations here
COMMIT;

-- migrations/tenant/0003_room_names.sql, sha256:73f3baaf49541f6d41b11dea5b7db40172bae372672a089012f225b76a9618e9
-- transactional: false
CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);
-- plan B, for tenant 1

-- migrations/tenant/0003_room_names.sql, sha256:73f3baaf49541f6d41b11dea5b7db40172bae372672a089012f225b76a9618e9
-- transactional: false
CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);
