with

source as (

    select * from {{ source('attio_mirror', 'records') }}
    where object = 'job_postings'

),

unpacked as (

    select
        record_id,
        web_url,
        {{ clean_text(attio_value('job_id')) }} as job_id,
        {{ clean_text(attio_value('title')) }} as title,
        {{ attio_value('company', 'target_record_id') }}::uuid as company_record_id,
        created_at
    from source

)

select * from unpacked
