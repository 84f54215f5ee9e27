-- The progress of sends to many is counted as it happens, in the same rows as statistics. NULL: by somebody who does not count it, which is what
-- every row of before says, and what a process of an earlier version inserts; the progress of that send to many is counted from its notifications.

-- Waits for the transactions that write at this moment, and lets nobody begin who needs the tables below.
LOCK TABLE "notification", "message", "digest", "fanout" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "stat_change", "stat_delta", "stat_of" IN ACCESS EXCLUSIVE MODE;

ALTER TABLE "stat_delta" ADD COLUMN "waiting" INTEGER, ADD COLUMN "lost" INTEGER;
ALTER TABLE "stat_of" ADD COLUMN "waiting" INTEGER, ADD COLUMN "lost" INTEGER;
ALTER TABLE "stat_change" ADD COLUMN "waiting" BOOLEAN NOT NULL DEFAULT false, ADD COLUMN "unknown" BOOLEAN NOT NULL DEFAULT false;

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- As in 0017_stats, with what waits and what is lost. Both matter for sends to many only: a change of nothing else writes no row for others.
CREATE OR REPLACE FUNCTION stat_count_updates() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  -- Most statements only claim messages or mark the beginning of an attempt.
  IF NOT EXISTS (SELECT FROM new_rows WHERE status NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') OR seen_at IS NOT NULL OR read_at IS NOT NULL)
    AND NOT EXISTS (SELECT FROM old_rows WHERE status NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') OR seen_at IS NOT NULL OR read_at IS NOT NULL) THEN
    RETURN NULL;
  END IF;
  WITH side AS (
    SELECT project_id, id, notification_id, channel, provider_id, status, seen_at, read_at, -1 AS sign,
      status NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') AS ended FROM old_rows
      WHERE status NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') OR channel = 'IN_APP'
    UNION ALL
    SELECT project_id, id, notification_id, channel, provider_id, status, seen_at, read_at, 1, status NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') FROM new_rows
      WHERE status NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') OR channel = 'IN_APP'
  ), changed AS MATERIALIZED (
    SELECT project_id, id, notification_id, channel, provider_id,
      -- An incrementId moves the in-app message to the latest notification.
      sum(CASE WHEN channel = 'IN_APP' THEN sign ELSE 0 END)::int AS messages,
      sum(CASE WHEN status IN ('SENT', 'DELIVERED') THEN sign ELSE 0 END)::int AS sent,
      sum(CASE WHEN status = 'DELIVERED' THEN sign ELSE 0 END)::int AS delivered,
      sum(CASE WHEN status = 'FAILED' THEN sign ELSE 0 END)::int AS failed,
      sum(CASE WHEN seen_at IS NOT NULL THEN sign ELSE 0 END)::int AS seen,
      sum(CASE WHEN read_at IS NOT NULL THEN sign ELSE 0 END)::int AS read,
      -- Of messages on other channels, only those that have ended are here; what has not ended waits.
      sum(CASE WHEN channel = 'IN_APP' THEN sign ELSE 0 END - CASE WHEN ended THEN sign ELSE 0 END)::int AS waiting,
      sum(CASE WHEN status IN ('FAILED', 'UNKNOWN') THEN sign ELSE 0 END)::int AS lost,
      COALESCE(bool_or(status IN ('SENT', 'DELIVERED')) FILTER (WHERE sign < 0), false) AS was_sent,
      COALESCE(bool_or(status = 'DELIVERED') FILTER (WHERE sign < 0), false) AS was_delivered,
      COALESCE(bool_or(status = 'FAILED') FILTER (WHERE sign < 0), false) AS was_failed,
      COALESCE(bool_or(seen_at IS NOT NULL) FILTER (WHERE sign < 0), false) AS was_seen,
      COALESCE(bool_or(read_at IS NOT NULL) FILTER (WHERE sign < 0), false) AS was_read,
      COALESCE(bool_or(status = 'UNKNOWN') FILTER (WHERE sign < 0), false) AS was_unknown,
      -- NULL: it was not here before, or is on another channel and had not ended.
      NOT bool_or(ended) FILTER (WHERE sign < 0) AS was_waiting
    FROM side GROUP BY project_id, id, notification_id, channel, provider_id
  ), found AS MATERIALIZED (
    SELECT c.*, (c.messages, c.sent, c.delivered, c.failed, c.seen, c.read) <> (0, 0, 0, 0, 0, 0) AS is_result, n.*
    -- LIMIT: a look-up for each, however large the plan's first batch was.
    FROM changed c CROSS JOIN LATERAL (
      SELECT date_trunc('minute', x.created_at) AS at, COALESCE(x.template_id, '00000000-0000-0000-0000-000000000000') AS template_id, x.campaign_id,
        x.transaction_id, cardinality(x.channels) = 1 AS is_single
      FROM notification x WHERE x.project_id = c.project_id AND x.id = c.notification_id LIMIT 1) n
    WHERE (c.messages, c.sent, c.delivered, c.failed, c.seen, c.read, c.waiting, c.lost) <> (0, 0, 0, 0, 0, 0, 0, 0)
  ), many AS MATERIALIZED (
    -- A transaction with several sends to many is counted under the first. OFFSET: found by the transaction, then sorted.
    SELECT t.project_id, t.transaction_id, f.id AS fanout_id FROM (SELECT DISTINCT project_id, transaction_id FROM found) t CROSS JOIN LATERAL (
      SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = t.project_id AND x.transaction_id = t.transaction_id OFFSET 0) y ORDER BY y.id LIMIT 1) f
  ), one AS MATERIALIZED (
    SELECT found.*, many.fanout_id FROM found LEFT JOIN many USING (project_id, transaction_id) WHERE is_result OR many.fanout_id IS NOT NULL
  ), logged AS (
    INSERT INTO stat_change (project_id, notification_id, message_id, sent, delivered, failed, seen, read, waiting, unknown)
    SELECT project_id, notification_id, id, bool_or(was_sent), bool_or(was_delivered), bool_or(was_failed), bool_or(was_seen), bool_or(was_read),
      COALESCE(bool_or(was_waiting), channel <> 'IN_APP'), bool_or(was_unknown)
    FROM one WHERE NOT is_single GROUP BY project_id, notification_id, id, channel
  )
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, messages, sent, delivered, failed, seen, read, waiting, lost)
  SELECT project_id, at, template_id, campaign_id, fanout_id, provider_id, channel::text, sum(messages), sum(sent), sum(delivered), sum(failed), sum(seen), sum(read), 0, 0
  FROM one WHERE is_result GROUP BY 1, 2, 3, 4, 5, 6, 7
  UNION ALL
  SELECT project_id, at, template_id, campaign_id, fanout_id, NULL, '', 0, sum(sent), sum(delivered), sum(failed), sum(seen), sum(read), sum(waiting), sum(lost)
  FROM one WHERE is_single GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

-- What processes of a version without statistics insert.
CREATE OR REPLACE FUNCTION stat_count_inserts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('carillon.counted', true) = 'on' THEN RETURN NULL; END IF;
  WITH one AS MATERIALIZED (
    SELECT m.project_id, m.notification_id, m.provider_id, m.channel::text, date_trunc('minute', n.created_at) AS at,
      COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000') AS template_id, n.campaign_id, f.id AS fanout_id,
      m.status IN ('SENT', 'DELIVERED') AS sent, m.status = 'DELIVERED' AS delivered, m.status = 'FAILED' AS failed,
      m.seen_at IS NOT NULL AS seen, m.read_at IS NOT NULL AS read, m.status IN ('SCHEDULED', 'QUEUED', 'SENDING') AS waiting,
      m.status IN ('FAILED', 'UNKNOWN') AS lost
    FROM new_rows m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
    LEFT JOIN LATERAL (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = n.project_id AND x.transaction_id = n.transaction_id OFFSET 0) y
      ORDER BY y.id LIMIT 1) f ON true
  ), whole AS (
    SELECT project_id, at, template_id, campaign_id, fanout_id, bool_or(sent) AS sent, bool_or(delivered) AS delivered, bool_or(failed) AS failed,
      bool_or(seen) AS seen, bool_or(read) AS read, bool_or(waiting) AS waiting,
      bool_or(lost) AND NOT bool_or(sent) AND NOT bool_or(waiting) AS lost
    FROM one GROUP BY project_id, notification_id, 2, 3, 4, 5
  )
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, messages, sent, delivered, failed, seen, read, waiting, lost)
  SELECT project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, count(*), count(*) FILTER (WHERE sent), count(*) FILTER (WHERE delivered),
    count(*) FILTER (WHERE failed), count(*) FILTER (WHERE seen), count(*) FILTER (WHERE read), 0, 0
  FROM one GROUP BY 1, 2, 3, 4, 5, 6, 7
  UNION ALL
  SELECT project_id, at, template_id, campaign_id, fanout_id, NULL, '', 0, count(*) FILTER (WHERE sent), count(*) FILTER (WHERE delivered),
    count(*) FILTER (WHERE failed), count(*) FILTER (WHERE seen), count(*) FILTER (WHERE read), count(*) FILTER (WHERE waiting), count(*) FILTER (WHERE lost)
  FROM whole WHERE sent OR failed OR seen OR read OR (fanout_id IS NOT NULL AND (waiting OR lost)) GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION stat_count_notifications() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('carillon.counted', true) = 'on' THEN RETURN NULL; END IF;
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, channel, count, waiting, lost)
  SELECT n.project_id, date_trunc('minute', n.created_at), COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000'), n.campaign_id,
    f.id, c.channel, count(*), count(d.id) FILTER (WHERE c.channel = ''), 0
  FROM new_rows n
  LEFT JOIN LATERAL (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = n.project_id AND x.transaction_id = n.transaction_id OFFSET 0) y
      ORDER BY y.id LIMIT 1) f ON true
  -- In a digest that is open it waits.
  LEFT JOIN digest d ON d.project_id = n.project_id AND d.id = n.digest_id AND d.closed_at IS NULL
  CROSS JOIN LATERAL (SELECT '' AS channel UNION ALL SELECT unnest(n.channels)::text) c GROUP BY 1, 2, 3, 4, 5, 6;
  RETURN NULL;
END $$;

-- Waiting messages that are deleted, because they folded into another: with the last of them, their notification no longer waits.
CREATE OR REPLACE FUNCTION stat_count_deletes() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  WITH one AS MATERIALIZED (
    SELECT m.project_id, m.id, m.notification_id, m.channel::text, date_trunc('minute', n.created_at) AS at,
      COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000') AS template_id, n.campaign_id, f.id AS fanout_id, cardinality(n.channels) = 1 AS is_single
    FROM old_rows m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
    LEFT JOIN LATERAL (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = n.project_id AND x.transaction_id = n.transaction_id OFFSET 0) y
      ORDER BY y.id LIMIT 1) f ON true
    WHERE m.status IN ('SCHEDULED', 'QUEUED', 'SENDING')
  ), logged AS (
    INSERT INTO stat_change (project_id, notification_id, message_id, sent, delivered, failed, seen, read, waiting)
    SELECT project_id, notification_id, id, false, false, false, false, false, true FROM one WHERE NOT is_single AND fanout_id IS NOT NULL
  )
  INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, channel, messages, waiting, lost)
  SELECT project_id, at, template_id, campaign_id, fanout_id, channel, -count(*), 0, 0 FROM one GROUP BY 1, 2, 3, 4, 5, 6
  UNION ALL
  SELECT project_id, at, template_id, campaign_id, fanout_id, '', 0, -count(*), 0 FROM one WHERE is_single AND fanout_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

-- A notification in an open digest has no messages, and waits until the digest is closed or deleted, or the notification canceled. It is logged
-- as a message that waited, under the digest's id. The lock waits for a cancelation, which would be counted too.
CREATE OR REPLACE FUNCTION stat_count_digest() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stat_change (project_id, notification_id, message_id, sent, delivered, failed, seen, read, waiting)
  SELECT n.project_id, n.id, OLD.id, false, false, false, false, false, true FROM notification n
  WHERE n.project_id = OLD.project_id AND n.digest_id = OLD.id AND n.canceled_at IS NULL
    AND EXISTS (SELECT FROM fanout f WHERE f.project_id = n.project_id AND f.transaction_id = n.transaction_id)
  FOR SHARE OF n;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE OR REPLACE TRIGGER stat_digest_closed BEFORE UPDATE OF "closed_at" ON "digest" FOR EACH ROW
  WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION stat_count_digest();
CREATE OR REPLACE TRIGGER stat_digest_deleted BEFORE DELETE ON "digest" FOR EACH ROW
  WHEN (OLD.closed_at IS NULL) EXECUTE FUNCTION stat_count_digest();

CREATE OR REPLACE FUNCTION stat_count_canceled() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stat_change (project_id, notification_id, message_id, sent, delivered, failed, seen, read, waiting)
  SELECT d.project_id, NEW.id, d.id, false, false, false, false, false, true FROM digest d
  WHERE d.project_id = NEW.project_id AND d.id = NEW.digest_id AND d.closed_at IS NULL
    AND EXISTS (SELECT FROM fanout f WHERE f.project_id = NEW.project_id AND f.transaction_id = NEW.transaction_id);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER stat_notification_canceled AFTER UPDATE OF "canceled_at" ON "notification" FOR EACH ROW
  WHEN (OLD.canceled_at IS NULL AND NEW.canceled_at IS NOT NULL AND NEW.digest_id IS NOT NULL) EXECUTE FUNCTION stat_count_canceled();

-- A transaction whose name was erased is renamed page by page, and meanwhile its notifications are not found under its sends to many.
CREATE OR REPLACE FUNCTION stat_uncount_fanout() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stat_delta (project_id, at, template_id, fanout_id, channel) VALUES (NEW.project_id, date_trunc('minute', now()), NEW.template_id, NEW.id, '');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER stat_fanout_renamed AFTER UPDATE OF "transaction_id" ON "fanout" FOR EACH ROW
  WHEN (OLD.transaction_id <> NEW.transaction_id) EXECUTE FUNCTION stat_uncount_fanout();

-- Folding by a process that knows nothing of progress would lose it. One that does says so by the setting carillon.progress, until the end of its
-- transaction (src/db/fold-stats.ts).
CREATE OR REPLACE FUNCTION stat_uncount_folded() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  NEW.waiting := NULL;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER stat_of_folded BEFORE UPDATE ON "stat_of" FOR EACH ROW
  WHEN (NEW.kind = 'FANOUT' AND current_setting('carillon.progress', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION stat_uncount_folded();
CREATE OR REPLACE FUNCTION stat_uncount_resolved() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('carillon.progress', true) = 'on' THEN RETURN NULL; END IF;
  INSERT INTO stat_delta (project_id, at, template_id, fanout_id, channel)
  SELECT DISTINCT f.project_id, date_trunc('minute', now()), f.template_id, f.id, '' FROM old_rows o
  JOIN notification n ON n.project_id = o.project_id AND n.id = o.notification_id
  JOIN fanout f ON f.project_id = n.project_id AND f.transaction_id = n.transaction_id;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER stat_change_folded AFTER DELETE ON "stat_change" REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
  EXECUTE FUNCTION stat_uncount_resolved();
