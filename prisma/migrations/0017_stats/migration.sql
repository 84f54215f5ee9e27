-- Statistics are counted as they happen: every statement that changes what is counted appends what it adds and subtracts, and a worker folds
-- that into sums. Everything here may be run again, because it commits in between.

-- What was added and not yet folded. A row of channel '' counts notifications, others the messages of a channel.
CREATE TABLE IF NOT EXISTS "stat_delta" (
    "project_id" UUID NOT NULL,
    "id" BIGSERIAL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "template_id" UUID NOT NULL,
    "campaign_id" UUID,
    "fanout_id" UUID,
    "provider_id" UUID,
    "channel" TEXT NOT NULL,
    "count" INTEGER NOT NULL DEFAULT 0,
    "messages" INTEGER NOT NULL DEFAULT 0,
    "sent" INTEGER NOT NULL DEFAULT 0,
    "delivered" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "seen" INTEGER NOT NULL DEFAULT 0,
    "read" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "stat_delta_pkey" PRIMARY KEY ("project_id","id")
);

CREATE TABLE IF NOT EXISTS "stat_change" (
    "project_id" UUID NOT NULL,
    "id" BIGSERIAL,
    "notification_id" UUID NOT NULL,
    "message_id" UUID NOT NULL,
    "sent" BOOLEAN NOT NULL,
    "delivered" BOOLEAN NOT NULL,
    "failed" BOOLEAN NOT NULL,
    "seen" BOOLEAN NOT NULL,
    "read" BOOLEAN NOT NULL,

    CONSTRAINT "stat_change_pkey" PRIMARY KEY ("project_id","id")
);

CREATE TABLE IF NOT EXISTS "stat_day" (
    "project_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "template_id" UUID NOT NULL,
    "channel" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "messages" INTEGER NOT NULL,
    "sent" INTEGER NOT NULL,
    "delivered" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "seen" INTEGER NOT NULL,
    "read" INTEGER NOT NULL,

    CONSTRAINT "stat_day_pkey" PRIMARY KEY ("project_id","day","template_id","channel")
);

CREATE TABLE IF NOT EXISTS "stat_minute" (
    "project_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "template_id" UUID NOT NULL,
    "channel" TEXT NOT NULL,
    "sent" INTEGER NOT NULL,

    CONSTRAINT "stat_minute_pkey" PRIMARY KEY ("project_id","at","template_id","channel")
);

CREATE TABLE IF NOT EXISTS "stat_of" (
    "project_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "of_id" UUID NOT NULL,
    "channel" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "sent" INTEGER NOT NULL,
    "delivered" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "seen" INTEGER NOT NULL,
    "read" INTEGER NOT NULL,

    CONSTRAINT "stat_of_pkey" PRIMARY KEY ("project_id","kind","of_id","channel")
);

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Sums change often, and no indexed column of theirs does.
ALTER TABLE "stat_day" SET (fillfactor = 60);
ALTER TABLE "stat_minute" SET (fillfactor = 60);
ALTER TABLE "stat_of" SET (fillfactor = 60);

-- Counts changes of messages. A notification counts as sent, delivered or failed once, however many channels it has. Where it has one, that is
-- its message's state. Where it has more, two messages may change in two transactions that don't see each other: what the message was before is
-- logged in stat_change, and the notification's state before and after is found when it is folded, in one snapshot of all its messages.
--
-- Only aggregates, no join of the old rows with the new: the plan is kept, and must suit one row as well as a thousand.
CREATE OR REPLACE FUNCTION stat_count_updates() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  -- Most statements only claim messages or mark the beginning of an attempt.
  IF NOT EXISTS (SELECT FROM new_rows WHERE status IN ('SENT', 'DELIVERED', 'FAILED') OR seen_at IS NOT NULL OR read_at IS NOT NULL)
    AND NOT EXISTS (SELECT FROM old_rows WHERE status IN ('SENT', 'DELIVERED', 'FAILED') OR seen_at IS NOT NULL OR read_at IS NOT NULL) THEN
    RETURN NULL;
  END IF;
  WITH side AS (
    SELECT project_id, id, notification_id, channel, provider_id, status, seen_at, read_at, -1 AS sign FROM old_rows
      WHERE status IN ('SENT', 'DELIVERED', 'FAILED') OR channel = 'IN_APP'
    UNION ALL
    SELECT project_id, id, notification_id, channel, provider_id, status, seen_at, read_at, 1 FROM new_rows
      WHERE status IN ('SENT', 'DELIVERED', 'FAILED') OR channel = 'IN_APP'
  ), changed AS MATERIALIZED (
    SELECT project_id, id, notification_id, channel, provider_id,
      -- An incrementId moves the in-app message to the latest notification.
      sum(CASE WHEN channel = 'IN_APP' THEN sign ELSE 0 END)::int AS messages,
      sum(CASE WHEN status IN ('SENT', 'DELIVERED') THEN sign ELSE 0 END)::int AS sent,
      sum(CASE WHEN status = 'DELIVERED' THEN sign ELSE 0 END)::int AS delivered,
      sum(CASE WHEN status = 'FAILED' THEN sign ELSE 0 END)::int AS failed,
      sum(CASE WHEN seen_at IS NOT NULL THEN sign ELSE 0 END)::int AS seen,
      sum(CASE WHEN read_at IS NOT NULL THEN sign ELSE 0 END)::int AS read,
      COALESCE(bool_or(status IN ('SENT', 'DELIVERED')) FILTER (WHERE sign < 0), false) AS was_sent,
      COALESCE(bool_or(status = 'DELIVERED') FILTER (WHERE sign < 0), false) AS was_delivered,
      COALESCE(bool_or(status = 'FAILED') FILTER (WHERE sign < 0), false) AS was_failed,
      COALESCE(bool_or(seen_at IS NOT NULL) FILTER (WHERE sign < 0), false) AS was_seen,
      COALESCE(bool_or(read_at IS NOT NULL) FILTER (WHERE sign < 0), false) AS was_read
    FROM side GROUP BY project_id, id, notification_id, channel, provider_id
  ), found AS MATERIALIZED (
    SELECT c.*, n.*
    -- LIMIT: a look-up for each, however large the plan's first batch was.
    FROM changed c CROSS JOIN LATERAL (
      SELECT date_trunc('minute', x.created_at) AS at, COALESCE(x.template_id, '00000000-0000-0000-0000-000000000000') AS template_id, x.campaign_id,
        x.transaction_id, cardinality(x.channels) = 1 AS is_single
      FROM notification x WHERE x.project_id = c.project_id AND x.id = c.notification_id LIMIT 1) n
    WHERE (c.messages, c.sent, c.delivered, c.failed, c.seen, c.read) <> (0, 0, 0, 0, 0, 0)
  ), many AS MATERIALIZED (
    -- A transaction with several sends to many is counted under the first. OFFSET: found by the transaction, then sorted.
    SELECT t.project_id, t.transaction_id, f.id AS fanout_id FROM (SELECT DISTINCT project_id, transaction_id FROM found) t CROSS JOIN LATERAL (
      SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = t.project_id AND x.transaction_id = t.transaction_id OFFSET 0) y ORDER BY y.id LIMIT 1) f
  ), one AS MATERIALIZED (
    SELECT found.*, many.fanout_id FROM found LEFT JOIN many USING (project_id, transaction_id)
  ), logged AS (
    INSERT INTO stat_change (project_id, notification_id, message_id, sent, delivered, failed, seen, read)
    SELECT project_id, notification_id, id, was_sent, was_delivered, was_failed, was_seen, was_read FROM one WHERE NOT is_single
  )
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, messages, sent, delivered, failed, seen, read)
  SELECT project_id, at, template_id, campaign_id, fanout_id, provider_id, channel::text, sum(messages), sum(sent), sum(delivered), sum(failed), sum(seen), sum(read)
  FROM one GROUP BY 1, 2, 3, 4, 5, 6, 7
  UNION ALL
  SELECT project_id, at, template_id, campaign_id, fanout_id, NULL, '', 0, sum(sent), sum(delivered), sum(failed), sum(seen), sum(read)
  FROM one WHERE is_single GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

-- Counts messages that are inserted, together with their notifications, by a statement that does not count them itself. One that does says so
-- by the setting carillon.counted, until the end of its transaction (src/db/stat-delta.ts). It is asked here rather than in the triggers' WHEN, which is
-- evaluated while the statement may not have set it yet.
CREATE OR REPLACE FUNCTION stat_count_inserts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('carillon.counted', true) = 'on' THEN RETURN NULL; END IF;
  WITH one AS MATERIALIZED (
    SELECT m.project_id, m.notification_id, m.provider_id, m.channel::text, date_trunc('minute', n.created_at) AS at,
      COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000') AS template_id, n.campaign_id, f.id AS fanout_id,
      m.status IN ('SENT', 'DELIVERED') AS sent, m.status = 'DELIVERED' AS delivered, m.status = 'FAILED' AS failed,
      m.seen_at IS NOT NULL AS seen, m.read_at IS NOT NULL AS read
    FROM new_rows m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
    LEFT JOIN LATERAL (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = n.project_id AND x.transaction_id = n.transaction_id OFFSET 0) y
      ORDER BY y.id LIMIT 1) f ON true
  ), whole AS (
    SELECT project_id, at, template_id, campaign_id, fanout_id, bool_or(sent) AS sent, bool_or(delivered) AS delivered, bool_or(failed) AS failed,
      bool_or(seen) AS seen, bool_or(read) AS read
    FROM one GROUP BY project_id, notification_id, 2, 3, 4, 5
  )
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, messages, sent, delivered, failed, seen, read)
  SELECT project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, count(*), count(*) FILTER (WHERE sent), count(*) FILTER (WHERE delivered),
    count(*) FILTER (WHERE failed), count(*) FILTER (WHERE seen), count(*) FILTER (WHERE read)
  FROM one GROUP BY 1, 2, 3, 4, 5, 6, 7
  UNION ALL
  SELECT project_id, at, template_id, campaign_id, fanout_id, NULL, '', 0, count(*) FILTER (WHERE sent), count(*) FILTER (WHERE delivered),
    count(*) FILTER (WHERE failed), count(*) FILTER (WHERE seen), count(*) FILTER (WHERE read)
  FROM whole WHERE sent OR failed OR seen OR read GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

-- The same for notifications.
CREATE OR REPLACE FUNCTION stat_count_notifications() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('carillon.counted', true) = 'on' THEN RETURN NULL; END IF;
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, channel, count)
  SELECT n.project_id, date_trunc('minute', n.created_at), COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000'), n.campaign_id,
    f.id, c.channel, count(*)
  FROM new_rows n
  LEFT JOIN LATERAL (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = n.project_id AND x.transaction_id = n.transaction_id OFFSET 0) y
      ORDER BY y.id LIMIT 1) f ON true
  CROSS JOIN LATERAL (SELECT '' AS channel UNION ALL SELECT unnest(n.channels)::text) c GROUP BY 1, 2, 3, 4, 5, 6;
  RETURN NULL;
END $$;

-- Counts waiting messages that are deleted, because they folded into another. What is pruned does not wait, and stays counted.
CREATE OR REPLACE FUNCTION stat_count_deletes() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, channel, messages)
  SELECT m.project_id, date_trunc('minute', n.created_at), COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000'), n.campaign_id,
    f.id, m.channel::text, -count(*)
  FROM old_rows m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
  LEFT JOIN LATERAL (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = n.project_id AND x.transaction_id = n.transaction_id OFFSET 0) y
      ORDER BY y.id LIMIT 1) f ON true
  WHERE m.status IN ('SCHEDULED', 'QUEUED', 'SENDING') GROUP BY 1, 2, 3, 4, 5, 6;
  RETURN NULL;
END $$;

-- Waits for the transactions that write at this moment; every later one is counted, also those of processes of the version before.
LOCK TABLE "notification", "message" IN SHARE ROW EXCLUSIVE MODE;
CREATE OR REPLACE TRIGGER stat_notification_inserted AFTER INSERT ON "notification" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
  EXECUTE FUNCTION stat_count_notifications();
CREATE OR REPLACE TRIGGER stat_message_inserted AFTER INSERT ON "message" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
  EXECUTE FUNCTION stat_count_inserts();
CREATE OR REPLACE TRIGGER stat_message_updated AFTER UPDATE ON "message" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
  EXECUTE FUNCTION stat_count_updates();
CREATE OR REPLACE TRIGGER stat_message_deleted AFTER DELETE ON "message" REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
  EXECUTE FUNCTION stat_count_deletes();

-- Counts everything again, in one statement and so in one snapshot: what is in the tables, what was pruned (day_count), and nothing twice, because what
-- that snapshot has of additions is deleted. Writing goes on meanwhile: what commits later adds to it.
CREATE OR REPLACE FUNCTION stat_recount() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  -- The lock of folding (src/db/fold-stats.ts).
  PERFORM pg_advisory_xact_lock(40191727, 0);
  -- All the sums are this function's own from here on.
  DELETE FROM stat_day;
  DELETE FROM stat_minute;
  DELETE FROM stat_of;
  WITH deltas AS (
    DELETE FROM stat_delta
  ), changes AS (
    DELETE FROM stat_change
  ), n AS MATERIALIZED (
    SELECT n.project_id, n.id, n.channels, n.created_at, COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000') AS template_id, n.campaign_id,
      f.id AS fanout_id
    FROM notification n LEFT JOIN (SELECT DISTINCT ON (project_id, transaction_id) project_id, transaction_id, id FROM fanout
      ORDER BY project_id, transaction_id, id) f USING (project_id, transaction_id)
  ), m AS MATERIALIZED (
    SELECT project_id, notification_id AS id, channel::text, CASE WHEN status IN ('SENT', 'DELIVERED', 'FAILED') THEN provider_id END AS provider_id,
      status IN ('SENT', 'DELIVERED') AS sent, status = 'DELIVERED' AS delivered, status = 'FAILED' AS failed, seen_at IS NOT NULL AS seen,
      read_at IS NOT NULL AS read
    FROM message
  ), part AS MATERIALIZED (
    SELECT project_id, created_at, template_id, campaign_id, fanout_id, NULL::uuid AS provider_id, c.channel, 1 AS count, 0 AS messages,
      0 AS sent, 0 AS delivered, 0 AS failed, 0 AS seen, 0 AS read
    FROM n CROSS JOIN LATERAL (SELECT '' AS channel UNION ALL SELECT unnest(n.channels)::text) c
    UNION ALL
    SELECT project_id, created_at, template_id, campaign_id, fanout_id, provider_id, channel, 0, 1, sent::int, delivered::int, failed::int, seen::int, read::int
    FROM n JOIN m USING (project_id, id)
    UNION ALL
    SELECT project_id, created_at, template_id, campaign_id, fanout_id, NULL, '', 0, 0, bool_or(sent)::int, bool_or(delivered)::int, bool_or(failed)::int,
      bool_or(seen)::int, bool_or(read)::int
    FROM n JOIN m USING (project_id, id) GROUP BY project_id, id, 2, 3, 4, 5
  ), days AS (
    INSERT INTO stat_day (project_id, day, template_id, channel, count, messages, sent, delivered, failed, seen, read)
    SELECT project_id, day, template_id, channel, sum(count), sum(messages), sum(sent), sum(delivered), sum(failed), sum(seen), sum(read) FROM (
      SELECT project_id, (created_at AT TIME ZONE 'UTC')::date AS day, template_id, channel, count, messages, sent, delivered, failed, seen, read FROM part
      UNION ALL
      SELECT project_id, day, template_id, channel, count, messages, sent, delivered, failed, seen, read FROM day_count) p
    GROUP BY 1, 2, 3, 4
  ), minutes AS (
    INSERT INTO stat_minute (project_id, at, template_id, channel, sent)
    SELECT project_id, date_trunc('minute', created_at), template_id, channel, sum(sent) FROM part
    WHERE sent > 0 AND created_at > now() - interval '40 days' GROUP BY 1, 2, 3, 4
  )
  INSERT INTO stat_of (project_id, kind, of_id, channel, count, sent, delivered, failed, seen, read)
  SELECT project_id, kind, of_id, channel, sum(count), sum(sent), sum(delivered), sum(failed), sum(seen), sum(read)
  FROM part CROSS JOIN LATERAL (VALUES ('CAMPAIGN', campaign_id), ('FANOUT', fanout_id), ('PROVIDER', provider_id)) o (kind, of_id)
  WHERE of_id IS NOT NULL GROUP BY 1, 2, 3, 4;
END $$;

COMMIT;
BEGIN;

SELECT stat_recount();
-- Additions of projects whose deletion ended meanwhile are dropped when they are folded; sums belong to a project.
DELETE FROM "stat_day" s WHERE NOT EXISTS (SELECT FROM "project" p WHERE p."id" = s."project_id");
DELETE FROM "stat_of" s WHERE NOT EXISTS (SELECT FROM "project" p WHERE p."id" = s."project_id");
DELETE FROM "stat_minute" s WHERE NOT EXISTS (SELECT FROM "project" p WHERE p."id" = s."project_id");
ALTER TABLE "stat_day" ADD CONSTRAINT "stat_day_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "stat_minute" ADD CONSTRAINT "stat_minute_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "stat_of" ADD CONSTRAINT "stat_of_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;
