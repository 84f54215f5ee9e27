-- Budgets of cost that the operator gives a project, instead of the server's: {"contact": 5000}.
ALTER TABLE "project" ADD COLUMN "limits" JSONB NOT NULL DEFAULT '{}';
