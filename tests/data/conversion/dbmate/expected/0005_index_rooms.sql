-- source: dbmate 20260304090000
-- transactional: false

-- Names are searched.

CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);
