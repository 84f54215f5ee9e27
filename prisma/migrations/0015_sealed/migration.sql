-- Whether a contact sees the template among its preferences.
ALTER TABLE "template" ADD COLUMN "in_preferences" BOOLEAN NOT NULL DEFAULT true;
