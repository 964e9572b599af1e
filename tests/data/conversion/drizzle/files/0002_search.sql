CREATE INDEX CONCURRENTLY "rooms_name_idx" ON "rooms" USING btree ("name");
