-- source: prisma 20260304090000_addRoomRates

-- AlterTable
ALTER TABLE "Room" DROP COLUMN "rate";
