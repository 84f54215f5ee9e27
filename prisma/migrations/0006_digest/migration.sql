-- What a digest became, and templates that are gone while what was said with them stays readable.
-- AlterTable
ALTER TABLE "template" ADD COLUMN     "deleted_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "digest" ADD COLUMN     "notification_id" UUID;
