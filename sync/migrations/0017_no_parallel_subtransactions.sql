-- A function that catches an error opens a subtransaction, which PostgreSQL refuses in a parallel query: with some ten thousand
-- payloads the planner chose one, and ingest_reconciliation stopped. What calls such a function may not run there either.
alter function attio_sync.timestamp_form(text) parallel unsafe;
alter function core.object_in(jsonb) parallel unsafe;
alter function core.day_in(jsonb, text[]) parallel unsafe;
alter function core.time_in(jsonb, text[]) parallel unsafe;
alter function core.job_post_in(jsonb) parallel unsafe;
alter function core.job_posting_reading(text, jsonb, text) parallel unsafe;
alter function core.companyenrich_reading(text, jsonb, timestamptz) parallel unsafe;
alter function core.person_discovery_reading(text, jsonb, text, jsonb) parallel unsafe;
