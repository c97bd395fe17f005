with

source as (

    select * from {{ source('attio_mirror', 'records') }}
    where object = 'companies'

),

unpacked as (

    select
        record_id,
        web_url,
        {{ said_text(attio_value(var('attio_companies_name'))) }} as name,
        {{ attio_value_list(var('attio_companies_domains'), 'domain') }} as domains,
        {{ untouched_text(attio_value(var('attio_companies_linkedin'))) }} as linkedin_url_raw,
        {{ clean_text(attio_value(var('attio_companies_description'))) }} as description,
        {{ clean_text(attio_value(var('attio_companies_primary_location'), 'locality')) }} as locality,
        {{ clean_text(attio_value(var('attio_companies_primary_location'), 'region')) }} as region,
        {{ clean_text(attio_value(var('attio_companies_primary_location'), 'country_code')) }} as country_code,
        {{ attio_value_count('team') }} as team_count,
        {{ attio_value_count('associated_deals') }} as deal_count,
        {{ attio_value('last_interaction', 'interacted_at') }} as last_interaction_at,
        {{ attio_written_by(var('attio_companies_name')) }} as name_written_by,
        created_at,
        values as record_values
    from source

)

select * from unpacked
