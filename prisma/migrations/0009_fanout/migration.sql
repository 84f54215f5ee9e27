-- Sends to many whose actor is erased are found by the actor, as notifications are.
CREATE INDEX "fanout_actor" ON "fanout" ("project_id", "actor_id") WHERE "actor_id" IS NOT NULL;
