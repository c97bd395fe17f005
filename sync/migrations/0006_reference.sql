-- The owner's own corrections and decisions, and the gazetteer (loaded by `canon migrate` from sync/gazetteer).

create schema if not exists reference;

create table if not exists reference.location_lookup (
    id uuid primary key default gen_random_uuid(),
    location_name text,
    city text,
    state text,
    country text,
    has_city boolean,
    has_state boolean,
    has_country boolean,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique nulls not distinct (location_name)
);
select attio_sync.register_new_table('reference.location_lookup');

create table if not exists reference.duplicate_decisions (
    object text not null,
    record_id_a text not null,
    record_id_b text not null,
    decision text not null check (decision in ('same', 'distinct', 'keep')),
    decided_by text,
    decided_at timestamptz default now(),
    unique (object, record_id_a, record_id_b)
);
select attio_sync.register_new_table('reference.duplicate_decisions');

create table if not exists reference.gazetteer_countries (
    alpha2 text primary key,
    alpha3 text,
    numeric text,
    name text,
    official_name text,
    common_name text,
    aliases text,
    capital text,
    continent text,
    population bigint,
    tld text,
    geonameid bigint,
    languages text
);
select attio_sync.register_new_table('reference.gazetteer_countries');

create table if not exists reference.gazetteer_admin1 (
    country_code text,
    admin1_code text,
    name text,
    ascii_name text,
    primary key (country_code, admin1_code)
);
select attio_sync.register_new_table('reference.gazetteer_admin1');

create table if not exists reference.gazetteer_iso3166_2 (
    country_code text,
    code text primary key,
    local_code text,
    name text,
    ascii_name text,
    type text,
    parent_code text
);
select attio_sync.register_new_table('reference.gazetteer_iso3166_2');

create table if not exists reference.gazetteer_places (
    geonameid bigint primary key,
    name text,
    ascii_name text,
    alternate_names text,
    country_code text,
    admin1_code text,
    population bigint,
    latitude double precision,
    longitude double precision,
    timezone text
);
select attio_sync.register_new_table('reference.gazetteer_places');
