-- Custom SQL migration file, put your code below! --
ALTER TABLE "rooms" ADD COLUMN "rate" numeric(10, 2)
--> statement-breakpoint
UPDATE "rooms" SET "rate" = 0 -- no rate yet
--> statement-breakpoint
ALTER TABLE "rooms" ALTER COLUMN "rate" SET NOT NULL
