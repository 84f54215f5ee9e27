-- Preferences, credentials, suppressions, topics, segments, events, campaigns, sends to many, digests.
-- DropForeignKey
ALTER TABLE "notification" DROP CONSTRAINT "notification_project_id_template_id_fkey";

-- AlterTable
ALTER TABLE "contact" ADD COLUMN     "preferences" JSONB NOT NULL DEFAULT '{}';

-- AlterTable
ALTER TABLE "template" ADD COLUMN     "data_schema" JSONB,
ADD COLUMN     "delay_seconds" INTEGER,
ADD COLUMN     "digest" JSONB,
ADD COLUMN     "rules" JSONB NOT NULL DEFAULT '[]';

-- AlterTable
ALTER TABLE "notification" ADD COLUMN     "campaign_id" UUID,
ADD COLUMN     "digest_id" UUID,
ALTER COLUMN "template_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "message" ADD COLUMN     "attempt_base" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "only_if" TEXT;

-- CreateTable
CREATE TABLE "credential" (
    "project_id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "device_tokens" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "webhook_url" TEXT,
    "channel_name" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "credential_pkey" PRIMARY KEY ("project_id","contact_id","provider_id")
);

-- CreateTable
CREATE TABLE "suppression" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "channel" "channel" NOT NULL,
    "address" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "suppression_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "topic" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "topic_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "topic_member" (
    "project_id" UUID NOT NULL,
    "topic_id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,

    CONSTRAINT "topic_member_pkey" PRIMARY KEY ("project_id","topic_id","contact_id")
);

-- CreateTable
CREATE TABLE "segment" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "condition" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "segment_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "event" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "contact_id" UUID,
    "params" JSONB NOT NULL DEFAULT '{}',
    "keys" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "event_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "campaign" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "dispatch" TEXT NOT NULL,
    "channel" "channel",
    "template_id" UUID NOT NULL,
    "segment_id" UUID,
    "schedule" JSONB,
    "next_run_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "campaign_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "fanout" (
    "project_id" UUID NOT NULL,
    "transaction_id" TEXT NOT NULL,
    "template_id" UUID NOT NULL,
    "campaign_id" UUID,
    "audience" JSONB NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "overrides" JSONB,
    "actor_id" UUID,
    "channels" "channel"[],
    "send_at" TIMESTAMPTZ(3),
    "status" TEXT NOT NULL DEFAULT 'ACCEPTED',
    "cursor" UUID,
    "until" UUID NOT NULL,
    "total" INTEGER,
    "written" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3),
    "claims" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "fanout_pkey" PRIMARY KEY ("project_id","transaction_id")
);

-- CreateTable
CREATE TABLE "digest" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,
    "template_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "closes_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "digest_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "suppression_project_id_channel_address_key" ON "suppression"("project_id", "channel", "address");

-- CreateIndex
CREATE UNIQUE INDEX "topic_project_id_key_key" ON "topic"("project_id", "key");

-- CreateIndex
CREATE INDEX "topic_member_project_id_contact_id_idx" ON "topic_member"("project_id", "contact_id");

-- CreateIndex
CREATE UNIQUE INDEX "segment_project_id_key_key" ON "segment"("project_id", "key");

-- CreateIndex
CREATE INDEX "event_project_id_contact_id_name_occurred_at_idx" ON "event"("project_id", "contact_id", "name", "occurred_at");

-- CreateIndex
CREATE UNIQUE INDEX "campaign_project_id_key_key" ON "campaign"("project_id", "key");

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id") REFERENCES "template"("project_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_project_id_campaign_id_fkey" FOREIGN KEY ("project_id", "campaign_id") REFERENCES "campaign"("project_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "credential" ADD CONSTRAINT "credential_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "credential" ADD CONSTRAINT "credential_project_id_provider_id_fkey" FOREIGN KEY ("project_id", "provider_id") REFERENCES "provider"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "suppression" ADD CONSTRAINT "suppression_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "topic" ADD CONSTRAINT "topic_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "topic_member" ADD CONSTRAINT "topic_member_project_id_topic_id_fkey" FOREIGN KEY ("project_id", "topic_id") REFERENCES "topic"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "topic_member" ADD CONSTRAINT "topic_member_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "segment" ADD CONSTRAINT "segment_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "event" ADD CONSTRAINT "event_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "campaign" ADD CONSTRAINT "campaign_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "campaign" ADD CONSTRAINT "campaign_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id") REFERENCES "template"("project_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "campaign" ADD CONSTRAINT "campaign_project_id_segment_id_fkey" FOREIGN KEY ("project_id", "segment_id") REFERENCES "segment"("project_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "fanout" ADD CONSTRAINT "fanout_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "fanout" ADD CONSTRAINT "fanout_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id") REFERENCES "template"("project_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "digest" ADD CONSTRAINT "digest_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "digest" ADD CONSTRAINT "digest_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id") REFERENCES "template"("project_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- What waits in a digest, and the one open window of each (contact, template, key).
CREATE INDEX "notification_digest" ON "notification" ("project_id", "digest_id") WHERE "digest_id" IS NOT NULL;
CREATE UNIQUE INDEX "digest_open" ON "digest" ("project_id", "contact_id", "template_id", "key") WHERE "closed_at" IS NULL;
CREATE INDEX "digest_due" ON "digest" ("closes_at") WHERE "closed_at" IS NULL;

-- What a contact did, for erasing it.
CREATE INDEX "notification_actor" ON "notification" ("project_id", "actor_id") WHERE "actor_id" IS NOT NULL;

-- Sends to many that are not written yet, and campaigns that will run.
CREATE INDEX "fanout_due" ON "fanout" ("due_at") WHERE "status" IN ('ACCEPTED', 'RUNNING');
CREATE INDEX "campaign_due" ON "campaign" ("next_run_at") WHERE "next_run_at" IS NOT NULL;

-- Delivery reports name a message as its provider does. SMTP sends none.
CREATE INDEX "message_provider_message" ON "message" ("provider_id", "provider_message_id")
  WHERE "provider_message_id" IS NOT NULL AND "channel" NOT IN ('IN_APP', 'EMAIL');
