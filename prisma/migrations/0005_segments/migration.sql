-- Events belong to their contact and go with it; campaigns answer them from an outbox of their own.

-- CreateTable
CREATE TABLE "campaign_trigger" (
    "project_id" UUID NOT NULL,
    "campaign_id" UUID NOT NULL,
    "event_id" UUID NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "campaign_trigger_pkey" PRIMARY KEY ("project_id","campaign_id","event_id")
);

-- CreateIndex
CREATE INDEX "campaign_trigger_due_at_idx" ON "campaign_trigger"("due_at");

-- CreateIndex
CREATE INDEX "campaign_trigger_project_id_event_id_idx" ON "campaign_trigger"("project_id", "event_id");

-- AddForeignKey
ALTER TABLE "event" ADD CONSTRAINT "event_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "campaign_trigger" ADD CONSTRAINT "campaign_trigger_project_id_campaign_id_fkey" FOREIGN KEY ("project_id", "campaign_id") REFERENCES "campaign"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "campaign_trigger" ADD CONSTRAINT "campaign_trigger_project_id_event_id_fkey" FOREIGN KEY ("project_id", "event_id") REFERENCES "event"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What a campaign has sent stays when it is deleted, and still carries its id: checking the key would read all notifications.
ALTER TABLE "notification" DROP CONSTRAINT "notification_project_id_campaign_id_fkey";

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Campaigns that answer an event, by its name: trackEvents asks with every call.
CREATE INDEX "campaign_on_event" ON "campaign" ("project_id", ("schedule" ->> 'onEvent')) WHERE "active" AND "schedule" ->> 'onEvent' IS NOT NULL;
