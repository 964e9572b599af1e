CREATE TABLE "guests" (
	"id" integer PRIMARY KEY NOT NULL,
	"room" integer
);
--> statement-breakpoint
ALTER TABLE "guests" ADD CONSTRAINT "guests_room_rooms_id_fk" FOREIGN KEY ("room") REFERENCES "public"."rooms"("id") ON DELETE no action ON UPDATE no action;