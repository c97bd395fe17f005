with

crm_people as (

    select * from {{ ref('stg_attio__people') }}

),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

matched as (

    select
        linkedin_urls.linkedin_url_normalized as linkedin_url,
        -- which of several it is nobody can say: then none
        case when count(*) = 1 then min(crm_people.record_id::text) end as record_id,
        {{ json_list_of_rows('crm_people.record_id::text') }} as record_ids,
        count(*)::integer as record_count
    from crm_people
    inner join linkedin_urls
        on crm_people.linkedin_url_raw = linkedin_urls.linkedin_url_raw and linkedin_urls.linkedin_kind = 'person'
    group by linkedin_urls.linkedin_url_normalized

)

select * from matched
