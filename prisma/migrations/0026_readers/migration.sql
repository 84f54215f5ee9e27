-- What readers do with the messages of their feeds, and how important a template is. A message that is deleted or snoozed has no "listed_seq", so that
-- the statements that read a feed, those of the version before as well, need not look for it.
--
-- Processes of the version before know neither, and find such a message by its id, by its "increment_id" and by its notification. They leave out of
-- their folds and counts what is archived, so it is that to them: its "archived_at" is 1970-01-01, unless its reader has archived it. All they
-- can't do is take it out of the archive by its id: that fails, changes nothing, and is NOT_FOUND, or works, once they are replaced.

-- In the order in which sending takes them, so that the two don't wait for each other.
LOCK TABLE "message", "template" IN ACCESS EXCLUSIVE MODE;

ALTER TABLE "message" ADD COLUMN "deleted_at" TIMESTAMPTZ(3), ADD COLUMN "snoozed_until" TIMESTAMPTZ(3);
-- A message of a contact's feed has all its numbers, or none yet; one that its reader has taken out has no place in the list. Not validated, because the
-- rows that there are met a stricter one.
ALTER TABLE "message" DROP CONSTRAINT "message_numbers", ADD CONSTRAINT "message_numbers" CHECK (
  ("arrived_seq" IS NULL) = ("changed_seq" IS NULL)
  AND ("listed_seq" IS NULL) = ("arrived_seq" IS NULL OR "deleted_at" IS NOT NULL OR "snoozed_until" IS NOT NULL)
) NOT VALID, ADD CONSTRAINT "message_away" CHECK (("deleted_at" IS NULL AND "snoozed_until" IS NULL) OR "archived_at" IS NOT NULL) NOT VALID;
ALTER TABLE "template" ADD COLUMN "severity" TEXT NOT NULL DEFAULT 'NORMAL';

-- The messages that are snoozed. A row whose message was snoozed to another time, deleted or pruned since is ignored, and removed when it is due.
CREATE TABLE "snooze" (
    "project_id" UUID NOT NULL,
    "message_id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "listed_seq" BIGINT NOT NULL,
    "archived_at" TIMESTAMPTZ(3),
    CONSTRAINT "snooze_pkey" PRIMARY KEY ("project_id", "message_id")
);
CREATE INDEX "snooze_due" ON "snooze"("until");
CREATE INDEX "snooze_feed" ON "snooze"("project_id", "contact_id", "listed_seq");
ALTER TABLE "snooze" ADD CONSTRAINT "snooze_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id")
  REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
