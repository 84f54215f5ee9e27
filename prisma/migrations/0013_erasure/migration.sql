-- Erasing everything that names a person: what has to be kept to keep promises is kept as a hash, and an erasure survives a crash.

-- AlterTable
ALTER TABLE "message" ADD COLUMN     "forgets_text" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "suppression" ADD COLUMN     "is_hash" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "spent_id" ADD COLUMN     "is_hash" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "transaction" ADD COLUMN     "is_hash" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "erasure" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "work" JSONB NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "erasure_pkey" PRIMARY KEY ("project_id","id")
);

-- AddForeignKey
ALTER TABLE "erasure" ADD CONSTRAINT "erasure_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;
