-- One row per person and per company, extracted from the payloads.

create schema if not exists extracted;

create table if not exists extracted.person_discovery (
    id uuid primary key default gen_random_uuid(),
    raw_payload_id uuid,
    linkedin_url text,
    first_name text,
    last_name text,
    full_name text,
    cleaned_first_name text,
    cleaned_last_name text,
    cleaned_full_name text,
    location_name text,
    company_domain text,
    latest_title text,
    latest_company text,
    latest_start_date date,
    clay_company_table_id text,
    clay_company_record_id text,
    clay_table_url text,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    linkedin_url_normalized text generated always as (
        case
            when linkedin_url like 'https://www.linkedin.com/in/%' then lower(linkedin_url)
        end
    ) stored,
    unique nulls not distinct (linkedin_url)
);
select attio_sync.register_new_table('extracted.person_discovery');

create table if not exists extracted.companyenrich_company (
    id uuid primary key default gen_random_uuid(),
    domain text,
    raw_payload_id uuid,
    companyenrich_id text,
    name text,
    type text,
    website text,
    revenue text,
    employees text,
    industry text,
    industries jsonb,
    description text,
    seo_description text,
    founded_year integer,
    page_rank numeric,
    logo_url text,
    categories jsonb,
    keywords jsonb,
    technologies jsonb,
    naics_codes jsonb,
    address text,
    phone text,
    postal_code text,
    city text,
    state text,
    state_code text,
    country text,
    country_code text,
    latitude double precision,
    longitude double precision,
    linkedin_url text,
    linkedin_id text,
    twitter_url text,
    facebook_url text,
    github_url text,
    crunchbase_url text,
    total_funding numeric,
    funding_stage text,
    funding_date date,
    stock_symbol text,
    stock_exchange text,
    companyenrich_updated_at timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique nulls not distinct (domain)
);
select attio_sync.register_new_table('extracted.companyenrich_company');
