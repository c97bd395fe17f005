-- What people and their tools assert about companies, and the postings.

create table if not exists core.company_canonical (
    id uuid primary key default gen_random_uuid(),
    domain text,
    original_name text,
    cleaned_name text,
    linkedin_url text,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique nulls not distinct (domain)
);
select attio_sync.register_new_table('core.company_canonical');

create table if not exists core.company_job_postings (
    id uuid primary key default gen_random_uuid(),
    domain text,
    job_id text,
    title text,
    cleaned_job_title text,
    job_function text,
    location text,
    seniority text,
    employment_type text,
    salary_min numeric,
    salary_max numeric,
    salary_currency text,
    salary_unit text,
    url text,
    company_linkedin_url text,
    posted_at timestamptz,
    closed_at timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique nulls not distinct (domain, job_id)
);
select attio_sync.register_new_table('core.company_job_postings');
