with

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

crm_people as (

    select * from {{ ref('stg_attio__people') }}

),

attached as (

    select * from {{ ref('stg_attio__attached') }}

),

crm_domains as (

    select * from {{ ref('int_crm_company_domains_parsed') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

distinguishing_words as (

    select * from {{ ref('int_company_names_distinguished') }}

),

named as (

    select
        crm_companies.record_id::text as record_id,
        crm_companies.name,
        crm_companies.domains,
        crm_companies.locality,
        crm_companies.country_code,
        crm_companies.team_count,
        crm_companies.deal_count,
        crm_companies.last_interaction_at,
        crm_companies.web_url,
        crm_companies.created_at,
        names.name_key,
        linkedin_urls.linkedin_url_normalized as linkedin_url,
        linkedin_urls.linkedin_slug,
        distinguishing_words.number_key,
        distinguishing_words.division_key,
        distinguishing_words.branch_key,
        distinguishing_words.name_words,
        distinguishing_words.plain_key
    from crm_companies
    left join names on crm_companies.name = names.name_raw
    left join linkedin_urls
        on
            crm_companies.linkedin_url_raw = linkedin_urls.linkedin_url_raw
            and linkedin_urls.linkedin_kind in ('company', 'school', 'showcase')
    left join distinguishing_words on crm_companies.name = distinguishing_words.name_raw

),

-- A host that records of five names stand on is somebody's platform, even one that no list knows.
shared_domains as (

    select crm_domains.company_domain
    from crm_domains
    inner join named on crm_domains.record_id = named.record_id
    where crm_domains.company_domain is not null and named.name_key is not null
    group by crm_domains.company_domain
    having count(distinct named.name_key) >= 5

),

own_domains as (

    select
        record_id,
        string_agg(distinct company_domain, ' ' order by company_domain) as company_domains,
        string_agg(distinct {{ domain_label('company_domain') }}, ' ') as domain_labels
    from crm_domains
    where
        company_domain is not null
        and company_domain not in (select shared_domains.company_domain from shared_domains)
    group by record_id

),

email_domains as (

    select
        crm_people.company_record_id::text as record_id,
        string_agg(distinct domains.company_domain, ' ' order by domains.company_domain) as email_domains
    from crm_people
    cross join {{ json_texts('crm_people.email_addresses') }} as addresses (domain_raw)
    inner join domains on addresses.domain_raw = domains.domain_raw
    where
        crm_people.company_record_id is not null
        and domains.company_domain is not null
        and domains.company_domain not in (select shared_domains.company_domain from shared_domains)
    group by crm_people.company_record_id

),

identified as (

    select
        -- keys
        named.record_id,

        -- text
        named.name,
        named.name_key,
        named.number_key,
        named.division_key,
        named.branch_key,
        named.name_words,
        named.plain_key,
        named.linkedin_url,
        named.linkedin_slug,
        own_domains.company_domains,
        own_domains.domain_labels,
        email_domains.email_domains,
        {{ fold_text('named.locality') }} as locality_key,
        upper(named.country_code) as country_code,
        named.web_url,

        -- lists
        named.domains,

        -- numbers
        coalesce(named.deal_count, 0) as deal_count,
        coalesce(named.team_count, 0) as team_count,
        coalesce(attached.entry_count, 0) as entry_count,
        coalesce(attached.note_count, 0) as note_count,
        coalesce(attached.task_count, 0) as task_count,
        -- Who would survive among copies: what hangs on a record weighs most, then what it knows, then its age; the id
        -- makes the order total, so that the same records in another order give the same survivors.
        row_number() over (
            order by
                coalesce(named.deal_count, 0) desc,
                coalesce(attached.entry_count + attached.note_count, 0) desc,
                coalesce(named.team_count, 0) desc,
                own_domains.company_domains is not null desc,
                named.linkedin_url is not null desc,
                named.last_interaction_at desc nulls last,
                named.created_at asc nulls last,
                named.record_id collate "C" -- noqa: RF02
        ) as survivor_rank,

        -- timestamps
        named.created_at,
        named.last_interaction_at
    from named
    left join attached on named.record_id = attached.record_id::text
    left join own_domains on named.record_id = own_domains.record_id
    left join email_domains on named.record_id = email_domains.record_id

)

select * from identified
