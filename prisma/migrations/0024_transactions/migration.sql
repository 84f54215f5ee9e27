-- Sends to many are listed, and say who began them. Those from before say nobody: it was not stored.

ALTER TABLE "fanout" ADD COLUMN "by_kind" TEXT, ADD COLUMN "by_id" TEXT, ADD COLUMN "by_name" TEXT;

CREATE INDEX "fanout_template" ON "fanout" ("project_id", "template_id", "id");

-- ---------------------------------------------------------------- what Prisma's schema has no words for

CREATE INDEX "fanout_campaign" ON "fanout" ("project_id", "campaign_id", "id") WHERE "campaign_id" IS NOT NULL;
