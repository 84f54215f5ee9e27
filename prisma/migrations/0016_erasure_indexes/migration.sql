-- What erasing has to find. Apart from the columns, because writing waits while an index is built, and reading need not.

-- A send to many that is accepted while its actor is erased must not name the actor afterwards.
UPDATE "fanout" f SET "actor_id" = NULL WHERE "actor_id" IS NOT NULL
  AND NOT EXISTS (SELECT FROM "contact" c WHERE c."project_id" = f."project_id" AND c."id" = f."actor_id");
ALTER TABLE "fanout" ADD CONSTRAINT "fanout_project_id_actor_id_fkey" FOREIGN KEY ("project_id", "actor_id") REFERENCES "contact"("project_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- ---------------------------------------------------------------- what Prisma's schema has no words for

-- Whether a project has hashes at all: those that have none pay for one look into an empty index.
CREATE INDEX "suppression_hash" ON "suppression" ("project_id") WHERE "is_hash";
CREATE INDEX "spent_id_hash" ON "spent_id" ("project_id") WHERE "is_hash";
CREATE INDEX "transaction_hash" ON "transaction" ("project_id") WHERE "is_hash";

-- Messages to bare addresses, by address: e-mail without case, numbers by their last eight digits, which all their spellings share.
CREATE INDEX "message_bare" ON "message" ("project_id", (
  CASE WHEN "address" LIKE '%@%' THEN lower("address") ELSE right(regexp_replace("address", '\D', '', 'g'), 8) END
)) WHERE "contact_id" IS NULL AND "address" IS NOT NULL;
