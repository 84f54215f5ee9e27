-- Every channel: contents without a template, several providers for a message, delivery reports.
-- AlterTable
ALTER TABLE "notification" ADD COLUMN     "content" JSONB;

-- AlterTable
ALTER TABLE "message" DROP COLUMN "attempt_base",
ADD COLUMN     "handover_provider" UUID,
ADD COLUMN     "rounds" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "provider" ADD COLUMN     "open_until" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "device_claim" (
    "project_id" UUID NOT NULL,
    "transaction_id" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "message_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "device_claim_pkey" PRIMARY KEY ("project_id","transaction_id","token_hash")
);

-- CreateTable
CREATE TABLE "delivery_report" (
    "provider_id" UUID NOT NULL,
    "provider_message_id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "project_id" UUID NOT NULL,
    "error_code" TEXT,
    "error_message" TEXT,
    "address_dead" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "delivery_report_pkey" PRIMARY KEY ("provider_id","provider_message_id","status")
);

-- AddForeignKey
ALTER TABLE "device_claim" ADD CONSTRAINT "device_claim_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery_report" ADD CONSTRAINT "delivery_report_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- CreateIndex
CREATE UNIQUE INDEX "provider_id_key" ON "provider"("id");
