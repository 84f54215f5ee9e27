-- The outbox becomes a table of its own: one narrow row for each message that waits or is under way. Taking a message and beginning its attempt write
-- that row alone, and the message is written once, with its outcome.
--
-- While what waits is moved, which takes about a minute for a million messages, messages are neither accepted nor settled, but read. Processes of the
-- version before may go on after it. What they accept, settle, cancel or queue again arrives here by the triggers below; they find nothing that is due any
-- more, so messages go out as soon as a process of this version runs. An opt-out that such a process stores takes back nothing that a worker of this
-- version has claimed. Everything before the COMMIT may be run again.

CREATE TABLE IF NOT EXISTS "delivery" (
    "project_id" UUID NOT NULL,
    "message_id" UUID NOT NULL,
    "notification_id" UUID NOT NULL,
    "contact_id" UUID,
    "channel" "channel" NOT NULL,
    "bulk" BOOLEAN NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "lease_until" TIMESTAMPTZ(3),
    "claims" INTEGER NOT NULL DEFAULT 0,
    "rounds" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "begun_at" TIMESTAMPTZ(3),
    "bound_to" UUID,
    "address" TEXT,
    "only_if" TEXT,
    "feed" TEXT,
    "increment_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "delivery_pkey" PRIMARY KEY ("project_id","message_id")
);

-- What is due, single messages before those of sends to many. Nothing that a claim or the beginning of an attempt writes is in an index, so with room on
-- their page both write no index.
CREATE INDEX IF NOT EXISTS "delivery_due" ON "delivery"("bulk", "due_at", "message_id");
CREATE INDEX IF NOT EXISTS "delivery_contact" ON "delivery"("project_id", "contact_id");

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Room on each page for what a claim and a beginning write. Rows are deleted soon, and a claim passes over those that are not vacuumed yet.
ALTER TABLE "delivery" SET (fillfactor = 45, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off);
-- Most of the time the table is empty, and it is longest when everything depends on it. A plan that is kept from an empty time would read all of it for each
-- group of outcomes. So it never becomes shorter than 400 pages, which are not read for the sake of a few rows.
INSERT INTO "delivery" (project_id, message_id, notification_id, channel, bulk, due_at, address, created_at)
  SELECT id, id, id, 'EMAIL', false, 'infinity', repeat(' ', 1700), now() FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 800)) AS r;
DELETE FROM "delivery" WHERE due_at = 'infinity';

-- With a message go what waits of it, and its attempts. A foreign key would be checked for every row that is inserted.
CREATE OR REPLACE FUNCTION message_deletes_rows() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM delivery d USING old_rows o WHERE d.project_id = o.project_id AND d.message_id = o.id;
  DELETE FROM attempt a USING old_rows o WHERE a.project_id = o.project_id AND a.message_id = o.id;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER message_deletes_rows AFTER DELETE ON "message" REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION message_deletes_rows();
ALTER TABLE "attempt" DROP CONSTRAINT IF EXISTS "attempt_project_id_message_id_fkey";
ALTER TABLE "message" DROP CONSTRAINT IF EXISTS "message_due_has_time";

COMMIT;
BEGIN;

-- Waits for the transactions that write at this moment.
LOCK TABLE "message" IN SHARE ROW EXCLUSIVE MODE;

-- What was claimed and not begun is queued again: its worker can't begin it any more. What was begun stays as its worker left it until its lease ends.
INSERT INTO "delivery" (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, lease_until, claims, rounds, attempts, begun_at,
    bound_to, address, only_if, feed, increment_id, created_at)
  SELECT project_id, id, notification_id, contact_id, channel, bulk, CASE WHEN status = 'SENDING' THEN LEAST(due_at, now()) ELSE due_at END,
    CASE WHEN status = 'SENDING' AND handover_at IS NOT NULL THEN due_at END, claims, rounds, attempt_count,
    CASE WHEN status = 'SENDING' THEN handover_at END, handover_provider, address, only_if, feed, increment_id, created_at
  FROM "message" WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING');
-- From here on: due_at is NULL in every row, and claims is 0 in what a process of this version writes. Nothing of it is counted.
ALTER TABLE "message" DISABLE TRIGGER stat_message_updated;
UPDATE "message" SET due_at = NULL, status = CASE WHEN handover_at IS NULL AND status = 'SENDING' THEN 'QUEUED' ELSE status END,
    claims = CASE WHEN status = 'SENDING' AND handover_at IS NOT NULL THEN claims ELSE 0 END
  WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING');
ALTER TABLE "message" ENABLE TRIGGER stat_message_updated;

-- Messages that are sent at once are counted by the statement that settles them, which says so (src/db/stat-delta.ts).
CREATE OR REPLACE TRIGGER stat_message_updated AFTER UPDATE ON "message" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
  WHEN (current_setting('carillon.settled', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION stat_count_updates();

-- What a process of the version before inserts. This version gives no message a time.
CREATE FUNCTION message_inserts_delivery() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, rounds, attempts, bound_to, address, only_if, feed,
    increment_id, created_at)
  VALUES (NEW.project_id, NEW.id, NEW.notification_id, NEW.contact_id, NEW.channel, NEW.bulk, NEW.due_at, NEW.rounds, NEW.attempt_count,
    NEW.handover_provider, NEW.address, NEW.only_if, NEW.feed, NEW.increment_id, NEW.created_at);
  NEW.due_at := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER message_inserts_delivery BEFORE INSERT ON "message" FOR EACH ROW
  WHEN (NEW.due_at IS NOT NULL AND NEW.status IN ('SCHEDULED', 'QUEUED')) EXECUTE FUNCTION message_inserts_delivery();

-- What a process of the version before changes: it queues a message (it has a time), or ends one that waits (it has claims, which this version sets to 0),
-- or writes one that it had begun. That counts as long as nobody else has claimed the message.
CREATE FUNCTION message_changes_delivery() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status IN ('SCHEDULED', 'QUEUED') THEN
    INSERT INTO delivery AS d (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, claims, rounds, attempts, bound_to, address,
      only_if, feed, increment_id, created_at)
    VALUES (NEW.project_id, NEW.id, NEW.notification_id, NEW.contact_id, NEW.channel, NEW.bulk, NEW.due_at, NEW.claims, NEW.rounds, NEW.attempt_count,
      NEW.handover_provider, NEW.address, NEW.only_if, NEW.feed, NEW.increment_id, NEW.created_at)
    ON CONFLICT (project_id, message_id) DO UPDATE SET due_at = EXCLUDED.due_at, lease_until = NULL, claims = d.claims + 1, rounds = EXCLUDED.rounds,
      attempts = EXCLUDED.attempts, begun_at = NULL, bound_to = EXCLUDED.bound_to;
    UPDATE message SET due_at = NULL, claims = 0 WHERE project_id = NEW.project_id AND id = NEW.id;
  ELSIF NEW.status = 'SENDING' THEN
    UPDATE delivery SET begun_at = NEW.handover_at, bound_to = NEW.handover_provider, contact_id = NEW.contact_id, address = NEW.address
      WHERE project_id = NEW.project_id AND message_id = NEW.id AND claims = OLD.claims;
  ELSIF OLD.status = 'SENDING' THEN
    DELETE FROM delivery WHERE project_id = NEW.project_id AND message_id = NEW.id AND claims = OLD.claims;
  ELSE
    DELETE FROM delivery WHERE project_id = NEW.project_id AND message_id = NEW.id AND begun_at IS NULL;
    -- An attempt is under way at a worker of this version, which writes its outcome.
    UPDATE message m SET status = OLD.status, claims = 0 FROM delivery d
      WHERE m.project_id = NEW.project_id AND m.id = NEW.id AND d.project_id = NEW.project_id AND d.message_id = NEW.id;
    UPDATE delivery SET contact_id = NEW.contact_id, address = NEW.address, increment_id = NEW.increment_id
      WHERE project_id = NEW.project_id AND message_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER message_changes_delivery AFTER UPDATE ON "message" FOR EACH ROW
  WHEN (NEW.due_at IS NOT NULL OR NEW.claims <> 0 AND OLD.status IN ('SCHEDULED', 'QUEUED', 'SENDING'))
  EXECUTE FUNCTION message_changes_delivery();

-- Processes of the version before ask again and again what is due. It is always empty, and takes the place of one that each message was in.
CREATE INDEX "message_has_time" ON "message" ("bulk", "due_at") WHERE "due_at" IS NOT NULL;
-- Last, because from here on messages are not read either.
DROP INDEX "message_due";
