with

source as (

    select * from {{ source('attio_mirror', 'records') }}
    where object = 'job_postings'

),

unpacked as (

    select
        record_id,
        web_url,
        {{ clean_text(attio_value(var('attio_job_postings_job_id'))) }} as job_id,
        {{ clean_text(attio_value(var('attio_job_postings_title'))) }} as title,
        {{ uuid_or_null(attio_value(var('attio_job_postings_company'), 'target_record_id')) }} as company_record_id,
        created_at
    from source

)

select * from unpacked
