{#- The most trustworthy first: what a person asserted, what was bought, what most people say, what the CRM holds. -#}
{%- set asserted = ('asserted', 'core.company_canonical') -%}
{%- set enriched = ('enriched', 'extracted.companyenrich_company') -%}
{%- set employing = ('employing', 'extracted.person_discovery') -%}
{%- set hiring = ('hiring', 'core.company_job_postings') -%}
{%- set in_crm = ('in_crm', 'attio_mirror.companies') -%}
{%- set sources_of = {
    'name': [asserted, enriched, employing, in_crm],
    'original_name': [asserted, enriched, employing, in_crm],
    'linkedin_url': [asserted, enriched, hiring, in_crm],
    'description': [enriched, in_crm],
    'industry': [enriched],
    'employee_range': [enriched],
    'founded_year': [enriched],
} -%}
{%- set sources_said = [(
    'location',
    "case when enriched.has_place then '" ~ enriched[1] ~ "' when in_crm.has_place then '" ~ in_crm[1] ~ "' end"
)] -%}
{%- for column, sources in sources_of.items() -%}
    {%- do sources_said.append((column, source_taken(column, sources))) -%}
{%- endfor -%}
with

asserted as (

    select * from {{ ref('int_companies_asserted') }}

),

enriched as (

    select * from {{ ref('int_companies_enriched') }}

),

employing as (

    select * from {{ ref('int_companies_employing') }}

),

hiring as (

    select * from {{ ref('int_companies_hiring') }}

),

in_crm as (

    select * from {{ ref('int_companies_known_to_crm') }}

),

people as (

    select * from {{ ref('int_people_read') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

every_domain as (

    select domain from asserted
    union
    select domain from enriched
    union
    select domains.company_domain from domains
    where
        domains.company_domain is not null
        and domains.domain_raw in (select people.company_domain_raw from people where people.linkedin_url is not null)
    union
    select domain from hiring
    union
    select domain from in_crm

),

joined as (

    select
        -- keys
        every_domain.domain,

        -- text
        {%- for column in ['name', 'original_name', 'linkedin_url', 'description', 'industry', 'employee_range'] %}
            {{ first_trustworthy(column, sources_of[column]) }} as {{ column }},
        {%- endfor %}
        -- a place is taken whole from one source, never the city of one and the country of another
        case when enriched.has_place then enriched.locality else in_crm.locality end as locality,
        case when enriched.has_place then enriched.region else in_crm.region end as region,
        case when enriched.has_place then enriched.country_code else in_crm.country_code end as country_code,

        -- which source said what
        {{ json_object_of_filled(sources_said) }} as sources,

        -- numbers
        {{ first_trustworthy('founded_year', sources_of['founded_year']) }} as founded_year,
        case when enriched.has_place then enriched.latitude end as latitude,
        case when enriched.has_place then enriched.longitude end as longitude,

        -- timestamps
        greatest(
            asserted.updated_at, enriched.updated_at, employing.updated_at, hiring.updated_at, in_crm.created_at
        ) as updated_at
    from every_domain
    left join asserted on every_domain.domain = asserted.domain
    left join enriched on every_domain.domain = enriched.domain
    left join employing on every_domain.domain = employing.domain
    left join hiring on every_domain.domain = hiring.domain
    left join in_crm on every_domain.domain = in_crm.domain

)

select * from joined
