-- A strict template refuses a message that lacks a variable.
ALTER TABLE "template" ADD COLUMN "strict" BOOLEAN NOT NULL DEFAULT false;
