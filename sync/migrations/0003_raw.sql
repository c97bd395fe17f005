-- What arrived, as it arrived. Nothing here is ever updated.

create schema if not exists raw;

create table if not exists raw.person_discovery (
    id uuid primary key default gen_random_uuid(),
    linkedin_url text,
    workflow_slug text,
    raw_payload jsonb,
    clay_table_url text,
    created_at timestamptz default now()
);
select attio_sync.register_new_table('raw.person_discovery');

create table if not exists raw.companyenrich_payloads (
    id uuid primary key default gen_random_uuid(),
    domain text,
    payload jsonb,
    created_at timestamptz default now()
);
select attio_sync.register_new_table('raw.companyenrich_payloads');

create table if not exists raw.job_posting_payloads (
    id uuid primary key default gen_random_uuid(),
    domain text,
    job_id text,
    payload jsonb,
    clay_table_url text,
    created_at timestamptz default now()
);
select attio_sync.register_new_table('raw.job_posting_payloads');
