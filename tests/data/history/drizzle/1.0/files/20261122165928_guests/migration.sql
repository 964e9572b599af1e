CREATE TABLE "guests" (
	"id" integer PRIMARY KEY,
	"room" integer
);
--> statement-breakpoint
ALTER TABLE "guests" ADD CONSTRAINT "guests_room_rooms_id_fkey" FOREIGN KEY ("room") REFERENCES "rooms"("id");