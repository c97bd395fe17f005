{#- A few groups of a million cells, where the planner expects many groups and would sort all the cells. -#}
{{ config(pre_hook=["{{ room_for_hashing() }}", "set local enable_sort = off"]) }}
{#- Column -> as it was looked up, and as it was found where trimming changed it. -#}
{%- set trimmed_columns = {
    'first_name': ('first_name', 'untrimmed_first_name'),
    'last_name': ('last_name', 'untrimmed_last_name'),
    'full_name': ('full_name', 'untrimmed_full_name'),
    'latest_title': ('job_title', 'untrimmed_job_title'),
    'latest_company': ('company_name_raw', 'untrimmed_company_name'),
} -%}
{%- set linkedin_columns = {} -%}
{%- for source_table, model, column, id in linkedin_url_holders() -%}
    {%- do linkedin_columns.update({source_table: column | replace('_raw', '')}) -%}
{%- endfor -%}
{%- set linkedin_column -%}
case source_table
            {%- for source_table, column in linkedin_columns.items() %}
                when '{{ source_table }}' then '{{ column }}'
            {%- endfor %}
        end
{%- endset -%}
with

-- This and the people are read twice, which costs less than to write a million rows down in between.
linkedin_urls as not materialized (

    select * from {{ ref('linkedin_url_normalized') }}
    -- those of people are judged where the people are counted
    where source_table != 'extracted.person_discovery'

),

domain_cells as (

    select * from {{ ref('int_domain_cells') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

company_name_cells as (

    select * from {{ ref('int_company_name_cells') }}

),

company_names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

location_cells as (

    select * from {{ ref('int_location_strings') }}

),

locations as (

    select * from {{ ref('int_locations_parsed') }}

),

employee_ranges as (

    select * from {{ ref('int_employee_ranges_read') }}

),

job_postings as (

    select * from {{ ref('int_job_postings_looked_up') }}

),

enriched_companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

posted_jobs as (

    select * from {{ ref('stg_core__company_job_postings') }}

),

people as not materialized (

    select
        *,
        coalesce(linkedin_url, linkedin_url_of_no_person) as linkedin_url_normalized
    from {{ ref('int_people_read') }}

),

-- All that is counted of a million rows is counted in one look.
people_counted as (

    select
        linkedin_url_normalized is null as is_nulled,
        {{ drawer_of('linkedin_url_raw', 'linkedin_url_normalized') }} as drawer,
        min(
            {{ sample_of('linkedin_url_raw', 'linkedin_url_normalized', "coalesce(linkedin_kind, 'names no page')") | indent(4) }}
        ) as sample,
        {%- for column, (trimmed, untrimmed) in trimmed_columns.items() %}
            count(coalesce({{ trimmed }}, {{ untrimmed }})) as {{ column }},
        {%- endfor %}
        count(linkedin_url_raw) as cells
    from people
    group by is_nulled, drawer

),

texts_met as (

    select
        {%- for column in trimmed_columns %}
            sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from people_counted

),

texts_trimmed as (

    select
        {%- for trimmed, untrimmed in trimmed_columns.values() %}
            {{ trimmed }},
            {{ untrimmed }}{{ ',' if not loop.last }}
        {%- endfor %}
    from people
    where
        {%- for _, untrimmed in trimmed_columns.values() %}
            {{ untrimmed }} is not null{{ ' or' if not loop.last }}
        {%- endfor %}

),

judged as (

    select
        'domain' as rule,
        domain_cells.source_table,
        domain_cells.column_name,
        domain_cells.domain_raw as found,
        domains.company_domain as became,
        domains.domain_kind as reason,
        domain_cells.cells
    from domain_cells
    left join domains on domain_cells.domain_raw = domains.domain_raw
    -- of a mail address it is asked whose it is, not whether it is right
    where domain_cells.column_name != 'email_addresses'

    union all

    select
        'company_name' as rule,
        company_name_cells.source_table,
        company_name_cells.column_name,
        company_name_cells.name_raw as found,
        company_names.name as became,
        null as reason,
        company_name_cells.cells
    from company_name_cells
    left join company_names on company_name_cells.name_raw = company_names.name_raw
    -- what a person cleaned is taken as it is
    where company_name_cells.column_name != 'cleaned_name'

    union all

    select
        'location' as rule,
        location_cells.source_table,
        location_cells.column_name,
        location_cells.location_raw as found,
        nullif(concat_ws(', ', locations.locality, locations.region, locations.country_code), '') as became,
        locations.location_reason as reason,
        location_cells.cells
    from location_cells
    left join locations on location_cells.location_raw = locations.location_raw

    union all

    select
        'employee_range' as rule,
        'extracted.companyenrich_company' as source_table,
        'employees' as column_name,
        enriched_companies.employees as found,
        employee_ranges.employee_range as became,
        'no range or number' as reason,
        1 as cells
    from enriched_companies
    left join employee_ranges on enriched_companies.employees = employee_ranges.employees_raw
    where enriched_companies.employees is not null

    union all

    select
        'linkedin_url' as rule,
        source_table,
        {{ linkedin_column }} as column_name,
        linkedin_url_raw as found,
        linkedin_url_normalized as became,
        coalesce(linkedin_kind, 'names no page') as reason,
        1 as cells
    from linkedin_urls
    where linkedin_url_raw is distinct from linkedin_url_normalized

    union all

    -- of those that are right as they are it is asked how many
    select
        'linkedin_url' as rule,
        source_table,
        {{ linkedin_column }} as column_name,
        '' as found,
        '' as became,
        null as reason,
        count(*) as cells
    from linkedin_urls
    where linkedin_url_raw = linkedin_url_normalized
    group by source_table

    {%- for column in ['salary_min', 'salary_max', 'salary_currency'] %}

        union all

        select
            'salary' as rule,
            'core.company_job_postings' as source_table,
            '{{ column }}' as column_name,
            posted_jobs.{{ column }}::text as found,
            job_postings.{{ column }}::text as became,
            '{{ "no currency code" if column == "salary_currency" else "below zero" }}' as reason,
            1 as cells
        from posted_jobs
        left join job_postings on posted_jobs.id::text = job_postings.id
        where posted_jobs.{{ column }} is not null
    {%- endfor %}

    union all

    select
        'founded_year' as rule,
        'extracted.companyenrich_company' as source_table,
        'founded_year' as column_name,
        founded_year::text as found,
        case when founded_year between 1000 and 2100 then founded_year::text end as became,
        'no year between 1000 and 2100' as reason,
        1 as cells
    from enriched_companies
    where founded_year is not null

    {%- for column, (trimmed, untrimmed) in trimmed_columns.items() %}

        union all

        select
            'trimming' as rule,
            'extracted.person_discovery' as source_table,
            '{{ column }}' as column_name,
            {{ untrimmed }} as found,
            {{ trimmed }} as became,
            'says nothing' as reason,
            1 as cells
        from texts_trimmed
        where {{ untrimmed }} is not null

        union all

        -- a million texts that nothing was trimmed off are one row
        select
            'trimming' as rule,
            'extracted.person_discovery' as source_table,
            '{{ column }}' as column_name,
            '' as found,
            '' as became,
            null as reason,
            texts_met.{{ column }} - count(texts_trimmed.{{ untrimmed }}) as cells
        from texts_met
        left join texts_trimmed on texts_trimmed.{{ untrimmed }} is not null
        group by texts_met.{{ column }}
        having texts_met.{{ column }} > 0
    {%- endfor %}

),

in_drawers as (

    select
        *,
        became is null as is_nulled,
        {{ drawer_of('found', 'became') }} as drawer,
        {{ sample_of('found', 'became', 'reason') }} as sample
    from judged

),

per_drawer as (

    select
        rule,
        source_table,
        column_name,
        is_nulled,
        drawer,
        min(sample) as sample,
        sum(cells) as cells
    from in_drawers
    group by rule, source_table, column_name, is_nulled, drawer

    union all

    select
        'linkedin_url' as rule,
        'extracted.person_discovery' as source_table,
        'linkedin_url' as column_name,
        is_nulled,
        drawer,
        sample,
        cells
    from people_counted
    where cells > 0

),

counted as (

    select
        -- keys
        rule,
        source_table,
        column_name,

        -- lists
        {{ json_list(*samples_where('is_nulled')) }} as nulled_samples,
        {{ json_list(*samples_where('not is_nulled')) }} as changed_samples,

        -- numbers
        sum(cells)::bigint as cells_met,
        coalesce(sum(cells) filter (where is_nulled), 0)::bigint as cells_nulled,
        coalesce(sum(cells) filter (where not is_nulled and drawer is not null), 0)::bigint as cells_changed
    from per_drawer
    group by rule, source_table, column_name

)

select * from counted
