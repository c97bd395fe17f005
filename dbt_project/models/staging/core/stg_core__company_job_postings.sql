with

source as (

    {{ columns_or_null(source('core', 'company_job_postings'), {
        'id': 'uuid',
        'domain': 'text',
        'job_id': 'text',
        'title': 'text',
        'cleaned_job_title': 'text',
        'job_function': 'text',
        'location': 'text',
        'seniority': 'text',
        'employment_type': 'text',
        'salary_min': 'numeric',
        'salary_max': 'numeric',
        'salary_currency': 'text',
        'salary_unit': 'text',
        'url': 'text',
        'company_linkedin_url': 'text',
        'posted_at': 'timestamp with time zone',
        'closed_at': 'timestamp with time zone',
        'created_at': 'timestamp with time zone',
        'updated_at': 'timestamp with time zone',
        'xmin': 'text',
    }) }}

),

cleaned as (

    select
        -- keys
        id,

        -- text
        {{ untouched_text('domain') }} as domain,
        {{ clean_text('job_id') }} as job_id,
        {{ clean_text('title') }} as title,
        {{ clean_text('cleaned_job_title') }} as cleaned_job_title,
        {{ clean_text('job_function') }} as job_function,
        {{ untouched_text('location') }} as location,
        {{ clean_text('seniority') }} as seniority,
        {{ clean_text('employment_type') }} as employment_type,
        {{ clean_text('salary_currency') }} as salary_currency,
        {{ clean_text('salary_unit') }} as salary_unit,
        {{ clean_text('url') }} as url,
        {{ untouched_text('company_linkedin_url') }} as company_linkedin_url,

        -- numbers and booleans
        salary_min,
        salary_max,

        -- timestamps
        posted_at,
        closed_at,
        created_at,
        updated_at,

        -- what is compared to find rows that changed
        {{ row_version() }} as row_version
    from source

)

select * from cleaned
