-- source: prisma 20260305090000_nothing

-- This is an empty migration.
