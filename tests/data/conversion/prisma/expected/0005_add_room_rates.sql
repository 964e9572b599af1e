-- source: prisma 20260304090000_addRoomRates

/*
  Warnings:

  - Added the required column `rate` to the `Room` table without a default value. This is not possible if the table is not empty.

*/
-- AlterTable
ALTER TABLE "Room" ADD COLUMN     "rate" DECIMAL(10,2) NOT NULL;
