-- A claim may persist that attempts begin, and whoever changes what the decision to send a message depends on can say so after it has begun. Processes of
-- the version before may go on: an opt-out that such a process stores comes too late for a message whose attempt has begun and is then postponed.

ALTER TABLE "delivery" ADD COLUMN "claim_id" BIGINT, ADD COLUMN "stop" BOOLEAN NOT NULL DEFAULT false;

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Nothing is found by what is in these, and comparing values of them was most of what ANALYZE took.
ALTER TABLE "message" ALTER COLUMN "history" SET STATISTICS 0, ALTER COLUMN "actions" SET STATISTICS 0, ALTER COLUMN "subject" SET STATISTICS 0,
  ALTER COLUMN "text" SET STATISTICS 0, ALTER COLUMN "html" SET STATISTICS 0, ALTER COLUMN "title" SET STATISTICS 0, ALTER COLUMN "body" SET STATISTICS 0;
ALTER TABLE "notification" ALTER COLUMN "data" SET STATISTICS 0, ALTER COLUMN "overrides" SET STATISTICS 0, ALTER COLUMN "content" SET STATISTICS 0;
ALTER TABLE "attempt" ALTER COLUMN "response" SET STATISTICS 0, ALTER COLUMN "error_message" SET STATISTICS 0;
