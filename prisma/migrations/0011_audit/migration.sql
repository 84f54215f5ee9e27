ALTER TABLE "project" ADD COLUMN "audit_retention_days" INTEGER NOT NULL DEFAULT 400;

-- It refers to no other table: its rows outlive what they tell of, the project included.
CREATE TABLE "audit_entry" (
  "project_id" UUID NOT NULL,
  "id" UUID NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "actor_kind" TEXT NOT NULL,
  "actor_id" TEXT,
  "actor_name" TEXT,
  "actor_email" TEXT,
  "remote_address" TEXT,
  "operation" TEXT NOT NULL,
  "target_kind" TEXT NOT NULL,
  "target_id" TEXT,
  "target_key" TEXT,
  "before" JSONB,
  "after" JSONB,
  CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("project_id", "id")
);

CREATE INDEX "audit_entry_target" ON "audit_entry" ("project_id", "target_kind", "target_key", "id");
CREATE INDEX "audit_entry_operation" ON "audit_entry" ("project_id", "operation", "id");

-- Append-only, whatever a statement says. Only a transaction that prunes may delete.
CREATE FUNCTION "audit_entry_refuse"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('carillon.pruning', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER "audit_entry_append_only" BEFORE UPDATE OR DELETE ON "audit_entry"
  FOR EACH ROW EXECUTE FUNCTION "audit_entry_refuse"();
CREATE TRIGGER "audit_entry_no_truncate" BEFORE TRUNCATE ON "audit_entry"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_entry_refuse"();
