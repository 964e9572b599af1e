-- source: drizzle 0002_search
-- transactional: false

CREATE INDEX CONCURRENTLY "rooms_name_idx" ON "rooms" USING btree ("name");
