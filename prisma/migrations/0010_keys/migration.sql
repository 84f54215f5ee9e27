-- What an API key is good for and until when, tokens that were revoked, and projects that are suspended or being deleted.

-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "scopes" TEXT[] DEFAULT ARRAY['send', 'read', 'manage', 'keys']::TEXT[];

-- AlterTable
ALTER TABLE "project" ADD COLUMN     "delete_at" TIMESTAMPTZ(3),
ADD COLUMN     "deleted_rows" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "deleted_tables" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "deletion_began_at" TIMESTAMPTZ(3),
ADD COLUMN     "suspended_at" TIMESTAMPTZ(3),
ADD COLUMN     "suspended_reason" TEXT;

-- CreateTable
CREATE TABLE "token_revocation" (
    "project_id" UUID NOT NULL,
    "subject" UUID NOT NULL,
    "generation" BIGINT NOT NULL,
    "revoked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "token_revocation_pkey" PRIMARY KEY ("project_id","subject")
);

-- CreateIndex
CREATE INDEX "token_revocation_revoked_at_idx" ON "token_revocation"("revoked_at");

-- AddForeignKey
ALTER TABLE "token_revocation" ADD CONSTRAINT "token_revocation_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Every process looks for these each second: usually there are none.
CREATE INDEX "project_inactive" ON "project" ("id") WHERE "suspended_at" IS NOT NULL OR "delete_at" IS NOT NULL;
