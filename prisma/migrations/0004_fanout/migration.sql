-- Sends to many: their identity, their progress, and a lane of their own behind single messages.

-- AlterTable
ALTER TABLE "message" ADD COLUMN     "bulk" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "fanout" DROP CONSTRAINT "fanout_pkey",
DROP COLUMN "claims",
ADD COLUMN     "content_hash" BYTEA,
ADD COLUMN     "failed" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "failures" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "id" UUID NOT NULL,
ADD COLUMN     "increment_id" TEXT,
ADD COLUMN     "key" TEXT,
ADD COLUMN     "open" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "sent" INTEGER NOT NULL DEFAULT 0,
ADD CONSTRAINT "fanout_pkey" PRIMARY KEY ("project_id", "id");

-- DropIndex
DROP INDEX "notification_project_id_transaction_id_idx";

-- CreateIndex
CREATE INDEX "notification_project_id_transaction_id_id_idx" ON "notification"("project_id", "transaction_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "fanout_project_id_key_key" ON "fanout"("project_id", "key");

-- CreateIndex
CREATE INDEX "fanout_project_id_transaction_id_idx" ON "fanout"("project_id", "transaction_id");

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Single messages are claimed before those of a send to many, and each lane is found without passing over the other.
DROP INDEX "message_due";
CREATE INDEX "message_due" ON "message" ("bulk", "due_at") WHERE "status" IN ('SCHEDULED', 'QUEUED', 'SENDING');
