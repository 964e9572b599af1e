-- source: drizzle 0000_quiet_magneto

CREATE TYPE "public"."status" AS ENUM('open', 'closed');
CREATE TABLE "rooms" (
	"id" integer PRIMARY KEY NOT NULL,
	"name" text NOT NULL
);
CREATE TABLE "sessions" (
	"id" integer PRIMARY KEY NOT NULL,
	"room" integer
);
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_room_rooms_id_fk" FOREIGN KEY ("room") REFERENCES "public"."rooms"("id") ON DELETE no action ON UPDATE no action;
