-- Every change of a template is a version, and may be a draft until it is published. Processes of the version before go on publishing at once, and keep
-- no versions: what they leave becomes one with the next change.

-- In the order in which sending takes them, so that the two don't wait for each other.
LOCK TABLE "message", "template", "project" IN ACCESS EXCLUSIVE MODE;

ALTER TABLE "project" ADD COLUMN "template_drafts" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "template" ADD COLUMN "latest_version" INTEGER, ADD COLUMN "published" BOOLEAN NOT NULL DEFAULT true,
  ADD COLUMN "samples" JSONB NOT NULL DEFAULT '[]';
ALTER TABLE "message" ADD COLUMN "template_version" INTEGER;

CREATE TABLE "template_version" (
    "project_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "template_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "content" JSONB NOT NULL,
    "actor_kind" TEXT,
    "actor_id" TEXT,
    "actor_name" TEXT,
    "actor_email" TEXT,
    "restored_from" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "published_at" TIMESTAMPTZ(3),
    CONSTRAINT "template_version_pkey" PRIMARY KEY ("project_id", "id")
);
CREATE UNIQUE INDEX "template_version_project_id_template_id_number_key" ON "template_version"("project_id", "template_id", "number");
ALTER TABLE "template_version" ADD CONSTRAINT "template_version_project_id_template_id_fkey" FOREIGN KEY ("project_id", "template_id")
  REFERENCES "template"("project_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The templates as they are now. The id of the template is older than those of its later versions, and so comes before them.
INSERT INTO "template_version" ("project_id", "id", "template_id", "number", "content", "created_at", "published_at")
SELECT t.project_id, t.id, t.id, t.version, jsonb_build_object('name', t.name, 'active', t.active, 'critical', t.critical, 'strict', t.strict,
    'inPreferences', t.in_preferences, 'feed', t.feed, 'rules', t.rules, 'delaySeconds', t.delay_seconds, 'digest', t.digest,
    'dataSchema', t.data_schema, 'contents', COALESCE((
      SELECT jsonb_object_agg(c.channel, c.locales) FROM (
        SELECT channel::text, jsonb_object_agg(locale, content) AS locales FROM template_content
        WHERE project_id = t.project_id AND template_id = t.id GROUP BY channel) c), '{}')),
  t.updated_at, t.updated_at
FROM template t WHERE t.deleted_at IS NULL;

-- Nothing is found by what is in it.
ALTER TABLE "template_version" ALTER COLUMN "content" SET STATISTICS 0;
