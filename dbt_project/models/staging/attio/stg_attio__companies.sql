with

source as (

    select * from {{ source('attio_mirror', 'records') }}
    where object = 'companies'

),

unpacked as (

    select
        record_id,
        web_url,
        {{ clean_text(attio_value('name')) }} as name,
        {{ attio_value_list('domains', 'domain') }} as domains,
        {{ untouched_text(attio_value('linkedin')) }} as linkedin_url_raw,
        {{ clean_text(attio_value('description')) }} as description,
        {{ clean_text(attio_value('primary_location', 'locality')) }} as locality,
        {{ clean_text(attio_value('primary_location', 'region')) }} as region,
        {{ clean_text(attio_value('primary_location', 'country_code')) }} as country_code,
        coalesce(jsonb_array_length(values -> 'team'), 0) as team_count,
        coalesce(jsonb_array_length(values -> 'associated_deals'), 0) as deal_count,
        {{ attio_value('last_interaction', 'interacted_at') }} as last_interaction_at,
        {{ attio_written_by('name') }} as name_written_by,
        created_at,
        values as record_values
    from source

)

select * from unpacked
