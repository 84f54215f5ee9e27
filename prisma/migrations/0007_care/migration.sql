-- What stays when the record forgets: ids that are spent, and counts.

-- AlterTable
ALTER TABLE "project" ADD COLUMN     "retention_days" INTEGER NOT NULL DEFAULT 90;

-- CreateTable
CREATE TABLE "spent_id" (
    "project_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "content_hash" BYTEA,
    "notification_id" UUID,
    "transaction_id" TEXT NOT NULL,

    CONSTRAINT "spent_id_pkey" PRIMARY KEY ("project_id","key")
);

-- CreateTable
CREATE TABLE "day_count" (
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

    CONSTRAINT "day_count_pkey" PRIMARY KEY ("project_id","day","template_id","channel")
);

-- CreateTable
CREATE TABLE "month_count" (
    "project_id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,
    "month" DATE NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "month_count_pkey" PRIMARY KEY ("project_id","contact_id","month")
);

-- AddForeignKey
ALTER TABLE "spent_id" ADD CONSTRAINT "spent_id_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "day_count" ADD CONSTRAINT "day_count_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "month_count" ADD CONSTRAINT "month_count_project_id_contact_id_fkey" FOREIGN KEY ("project_id", "contact_id") REFERENCES "contact"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
