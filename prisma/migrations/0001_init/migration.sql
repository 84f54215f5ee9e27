-- The first shape of the record. The first part is what prisma/schema.prisma says; what it has no words for follows at the end.
-- CreateEnum
CREATE TYPE "channel" AS ENUM ('IN_APP', 'EMAIL', 'SMS', 'PUSH', 'WEB_PUSH', 'CHAT', 'ALIMTALK', 'FRIENDTALK', 'WEBHOOK');

-- CreateEnum
CREATE TYPE "message_status" AS ENUM ('SCHEDULED', 'QUEUED', 'SENDING', 'SENT', 'DELIVERED', 'FAILED', 'SKIPPED', 'CANCELED', 'UNKNOWN');

-- CreateTable
CREATE TABLE "project" (
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "locale" TEXT NOT NULL DEFAULT 'en',
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "access_key" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "inbound_domain" TEXT,
    "allowed_origins" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "resend_unknown" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "contact" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "external_id" TEXT NOT NULL,
    "email" TEXT,
    "phone" TEXT,
    "locale" TEXT,
    "timezone" TEXT,
    "first_name" TEXT,
    "last_name" TEXT,
    "photo_url" TEXT,
    "country" TEXT,
    "properties" JSONB NOT NULL DEFAULT '{}',
    "is_online" BOOLEAN NOT NULL DEFAULT false,
    "last_online_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "contact_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "feed_state" (
    "project_id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,
    "feed_seq" BIGINT NOT NULL DEFAULT 0,
    "all_marked_seq" BIGINT NOT NULL DEFAULT 0,
    "counts" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "feed_state_pkey" PRIMARY KEY ("project_id","contact_id")
);

-- CreateTable
CREATE TABLE "template" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "critical" BOOLEAN NOT NULL DEFAULT false,
    "feed" TEXT NOT NULL DEFAULT 'default',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "template_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "template_content" (
    "project_id" UUID NOT NULL,
    "template_id" UUID NOT NULL,
    "channel" "channel" NOT NULL,
    "locale" TEXT NOT NULL,
    "content" JSONB NOT NULL,

    CONSTRAINT "template_content_pkey" PRIMARY KEY ("project_id","template_id","channel","locale")
);

-- CreateTable
CREATE TABLE "transaction" (
    "project_id" UUID NOT NULL,
    "id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "canceled_at" TIMESTAMPTZ(3),

    CONSTRAINT "transaction_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "notification" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT,
    "content_hash" BYTEA,
    "transaction_id" TEXT NOT NULL,
    "template_id" UUID NOT NULL,
    "contact_id" UUID,
    "actor_id" UUID,
    "data" JSONB NOT NULL DEFAULT '{}',
    "overrides" JSONB,
    "channels" "channel"[],
    "increment_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "send_at" TIMESTAMPTZ(3),
    "canceled_at" TIMESTAMPTZ(3),

    CONSTRAINT "notification_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "message" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "notification_id" UUID NOT NULL,
    "contact_id" UUID,
    "channel" "channel" NOT NULL,
    "status" "message_status" NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "claims" INTEGER NOT NULL DEFAULT 0,
    "attempt_count" INTEGER NOT NULL DEFAULT 0,
    "handover_at" TIMESTAMPTZ(3),
    "provider_id" UUID,
    "provider_message_id" TEXT,
    "address" TEXT,
    "subject" TEXT,
    "text" TEXT,
    "html" TEXT,
    "error_code" TEXT,
    "error_message" TEXT,
    "history" JSONB NOT NULL DEFAULT '[]',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),
    "delivered_at" TIMESTAMPTZ(3),
    "feed" TEXT,
    "title" TEXT,
    "body" TEXT,
    "icon_url" TEXT,
    "url" TEXT,
    "actions" JSONB,
    "increment_id" TEXT,
    "template_id" UUID,
    "count" INTEGER NOT NULL DEFAULT 1,
    "arrived_seq" BIGINT,
    "listed_seq" BIGINT,
    "changed_seq" BIGINT,
    "change_kind" TEXT,
    "seen_at" TIMESTAMPTZ(3),
    "read_at" TIMESTAMPTZ(3),
    "archived_at" TIMESTAMPTZ(3),

    CONSTRAINT "message_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateTable
CREATE TABLE "attempt" (
    "project_id" UUID NOT NULL,
    "message_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "provider_id" UUID,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" DOUBLE PRECISION,
    "ok" BOOLEAN NOT NULL,
    "error_code" TEXT,
    "error_message" TEXT,
    "response" TEXT,

    CONSTRAINT "attempt_pkey" PRIMARY KEY ("project_id","message_id","number")
);

-- CreateTable
CREATE TABLE "provider" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "channel" "channel" NOT NULL,
    "kind" TEXT NOT NULL,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "priority" INTEGER NOT NULL DEFAULT 0,
    "rate_per_second" INTEGER,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_pkey" PRIMARY KEY ("project_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "project_key_key" ON "project"("key");

-- CreateIndex
CREATE UNIQUE INDEX "project_access_key_key" ON "project"("access_key");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE UNIQUE INDEX "contact_project_id_external_id_key" ON "contact"("project_id", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "template_project_id_key_key" ON "template"("project_id", "key");

-- CreateIndex
CREATE INDEX "notification_project_id_transaction_id_idx" ON "notification"("project_id", "transaction_id");

-- CreateIndex
CREATE UNIQUE INDEX "notification_project_id_key_key" ON "notification"("project_id", "key");

-- CreateIndex
CREATE UNIQUE INDEX "message_project_id_notification_id_channel_key" ON "message"("project_id", "notification_id", "channel");

-- CreateIndex
CREATE UNIQUE INDEX "provider_project_id_key_key" ON "provider"("project_id", "key");

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "contact" ADD CONSTRAINT "contact_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "feed_state" ADD CONSTRAINT "feed_state_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "template" ADD CONSTRAINT "template_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "template_content" ADD CONSTRAINT "template_content_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id") REFERENCES "template"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id") REFERENCES "template"("project_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_project_id_actor_id_fkey" FOREIGN KEY ("project_id", "actor_id") REFERENCES "contact"("project_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_project_id_notification_id_fkey" FOREIGN KEY ("project_id", "notification_id") REFERENCES "notification"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_project_id_message_id_fkey" FOREIGN KEY ("project_id", "message_id") REFERENCES "message"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "provider" ADD CONSTRAINT "provider_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Some relations that Prisma's schema knows have no foreign key. Which provider a message or an attempt went through: it outlives the
-- provider, and checking it was a tenth of what writing an outcome cost. A message's contact: it is its notification's, which has one, and
-- without an index of its own each contact that is deleted would be looked for in all messages.

-- Rewritten with every feed change and every attempt: room in the page keeps the new version beside the old one (HOT).
ALTER TABLE "feed_state" SET (fillfactor = 70);
ALTER TABLE "message" SET (fillfactor = 80);

-- What a worker may take: a few rows among millions that are done.
CREATE INDEX "message_due" ON "message" ("due_at") WHERE "status" IN ('SCHEDULED', 'QUEUED', 'SENDING');

-- The feed, newest first.
CREATE INDEX "message_feed" ON "message" ("project_id", "contact_id", "listed_seq" DESC) WHERE "channel" = 'IN_APP';
-- Replay of messageReceived and of feedChanged. Unique: a number names one change.
CREATE UNIQUE INDEX "message_arrived" ON "message" ("project_id", "contact_id", "arrived_seq") WHERE "arrived_seq" IS NOT NULL;
CREATE UNIQUE INDEX "message_changed" ON "message" ("project_id", "contact_id", "changed_seq") WHERE "changed_seq" IS NOT NULL;
-- The unread message that an incrementId folds into.
CREATE INDEX "message_increment" ON "message" ("project_id", "contact_id", "template_id", "increment_id")
  WHERE "increment_id" IS NOT NULL AND "read_at" IS NULL;

-- Activity lists of one contact; deleting contacts by e-mail or phone.
CREATE INDEX "notification_contact" ON "notification" ("project_id", "contact_id", "id");
CREATE INDEX "contact_email" ON "contact" ("project_id", lower("email")) WHERE "email" IS NOT NULL;
CREATE INDEX "contact_phone" ON "contact" ("project_id", "phone") WHERE "phone" IS NOT NULL;

-- How a provider fared lately.
CREATE INDEX "attempt_provider" ON "attempt" ("project_id", "provider_id", "started_at");

-- A message of a contact's feed has all its numbers, or none yet.
ALTER TABLE "message" ADD CONSTRAINT "message_numbers" CHECK (
  ("arrived_seq" IS NULL) = ("listed_seq" IS NULL) AND ("arrived_seq" IS NULL) = ("changed_seq" IS NULL)
);
-- The outbox holds only what has a time.
ALTER TABLE "message" ADD CONSTRAINT "message_due_has_time" CHECK (
  "status" NOT IN ('SCHEDULED', 'QUEUED', 'SENDING') OR "due_at" IS NOT NULL
);
