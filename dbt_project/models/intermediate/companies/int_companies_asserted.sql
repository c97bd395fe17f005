with

assertions as (

    select * from {{ ref('stg_core__company_canonical') }}

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

looked_up as (

    select
        domains.company_domain as domain,
        assertions.original_name,
        -- what a person cleaned wins over every rule of ours
        coalesce(assertions.cleaned_name, names.name, assertions.original_name) as name,
        linkedin_urls.linkedin_url_normalized as linkedin_url,
        assertions.updated_at,
        -- careers.acme.com speaks for acme.com only where acme.com itself is silent
        row_number() over (
            partition by domains.company_domain
            order by
                assertions.cleaned_name is null,
                domains.host != domains.company_domain,
                assertions.updated_at desc nulls last,
                assertions.id asc
        ) as place
    from assertions
    inner join domains on assertions.domain = domains.domain_raw
    left join names on assertions.original_name = names.name_raw
    left join linkedin_urls
        on
            assertions.linkedin_url = linkedin_urls.linkedin_url_raw
            and linkedin_urls.linkedin_kind in ('company', 'school', 'showcase')
    where domains.company_domain is not null

),

one_per_domain as (

    select
        domain,
        {{ first_filled('name', in_order_of='place') }} as name,
        {{ first_filled('original_name', in_order_of='place') }} as original_name,
        {{ first_filled('linkedin_url', in_order_of='place') }} as linkedin_url,
        max(updated_at) as updated_at
    from looked_up
    group by domain

)

select * from one_per_domain
