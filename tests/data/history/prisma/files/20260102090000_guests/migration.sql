-- CreateTable
CREATE TABLE "guests" (
    "id" INTEGER NOT NULL,

    CONSTRAINT "guests_pkey" PRIMARY KEY ("id")
);
