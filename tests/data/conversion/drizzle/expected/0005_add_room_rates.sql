-- source: drizzle 0001_add-room-rates

-- Custom SQL migration file, put your code below! --
ALTER TABLE "rooms" ADD COLUMN "rate" numeric(10, 2);
UPDATE "rooms" SET "rate" = 0; -- no rate yet
ALTER TABLE "rooms" ALTER COLUMN "rate" SET NOT NULL;
