-- AlterTable
ALTER TABLE "Room" DROP COLUMN "rate";
