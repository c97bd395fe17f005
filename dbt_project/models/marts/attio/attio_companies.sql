with

companies as (

    select * from {{ ref('company_canonical') }}

),

companies_in_crm as (

    select * from {{ ref('int_companies_matched_in_crm') }}

),

job_postings as (

    select * from {{ ref('job_posting_export') }}

),

-- Jobs count for the company's row in the export, under whichever of its domains they were found.
jobs_per_company as (

    select
        coalesce(companies_in_crm.export_domain, job_postings.domain) as domain,
        count(*) filter (where job_postings.is_open) as open_job_count,
        max(job_postings.posted_on) as latest_job_posted_on
    from job_postings
    left join companies_in_crm on job_postings.domain = companies_in_crm.domain
    where job_postings.domain is not null
    group by 1

),

in_scope as (

    select
        companies.*,
        companies_in_crm.record_id
    from companies
    left join companies_in_crm on companies.domain = companies_in_crm.domain
    where
        -- a record with several domains has one row here
        coalesce(companies_in_crm.export_domain, companies.domain) = companies.domain
        {% if attio_scope() == 'crm' -%}
            and companies_in_crm.record_id is not null
        {%- endif %}

),

shaped_for_attio as (

    select
        -- keys
        in_scope.domain,
        in_scope.record_id,

        -- text
        in_scope.name,
        in_scope.description,
        in_scope.linkedin_url,
        in_scope.industry,
        in_scope.employee_range,

        -- composite values
        {{ attio_domains('in_scope.domain') }} as domains,
        {{ attio_location(
            'in_scope.locality', 'in_scope.region', 'in_scope.country_code', 'in_scope.latitude', 'in_scope.longitude'
        ) }} as primary_location,

        -- numbers
        in_scope.founded_year::integer as founded_year,
        jobs_per_company.open_job_count::integer as open_job_count,

        -- dates and timestamps
        jobs_per_company.latest_job_posted_on::date as latest_job_posted_on,
        in_scope.updated_at
    from in_scope
    left join jobs_per_company on in_scope.domain = jobs_per_company.domain

)

select * from shaped_for_attio
