with

source as (

    {{ columns_or_null(source('extracted', 'companyenrich_company'), {
        'id': 'uuid',
        'raw_payload_id': 'uuid',
        'domain': 'text',
        'companyenrich_id': 'text',
        'name': 'text',
        'type': 'text',
        'website': 'text',
        'revenue': 'text',
        'employees': 'text',
        'industry': 'text',
        'industries': 'jsonb',
        'description': 'text',
        'seo_description': 'text',
        'founded_year': 'integer',
        'page_rank': 'numeric',
        'logo_url': 'text',
        'categories': 'jsonb',
        'keywords': 'jsonb',
        'technologies': 'jsonb',
        'naics_codes': 'jsonb',
        'address': 'text',
        'phone': 'text',
        'postal_code': 'text',
        'city': 'text',
        'state': 'text',
        'state_code': 'text',
        'country': 'text',
        'country_code': 'text',
        'latitude': 'double precision',
        'longitude': 'double precision',
        'linkedin_url': 'text',
        'linkedin_id': 'text',
        'twitter_url': 'text',
        'facebook_url': 'text',
        'github_url': 'text',
        'crunchbase_url': 'text',
        'total_funding': 'numeric',
        'funding_stage': 'text',
        'funding_date': 'date',
        'stock_symbol': 'text',
        'stock_exchange': 'text',
        'companyenrich_updated_at': 'timestamp with time zone',
        'created_at': 'timestamp with time zone',
        'updated_at': 'timestamp with time zone',
        'xmin': 'text',
    }) }}

),

cleaned as (

    select
        -- keys
        id,
        raw_payload_id,

        -- text
        {{ untouched_text('domain') }} as domain,
        {{ clean_text('companyenrich_id') }} as companyenrich_id,
        {{ said_text('name') }} as name,
        {{ clean_text('type') }} as type,
        {{ clean_text('website') }} as website,
        {{ clean_text('revenue') }} as revenue,
        {{ clean_text('employees') }} as employees,
        {{ clean_text('industry') }} as industry,
        {{ clean_text('description') }} as description,
        {{ clean_text('seo_description') }} as seo_description,
        {{ clean_text('logo_url') }} as logo_url,
        {{ clean_text('address') }} as address,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('city') }} as city,
        {{ clean_text('state') }} as state,
        {{ clean_text('state_code') }} as state_code,
        {{ clean_text('country') }} as country,
        {{ clean_text('country_code') }} as country_code,
        {{ untouched_text('linkedin_url') }} as linkedin_url,
        {{ clean_text('linkedin_id') }} as linkedin_id,
        {{ clean_text('twitter_url') }} as twitter_url,
        {{ clean_text('facebook_url') }} as facebook_url,
        {{ clean_text('github_url') }} as github_url,
        {{ clean_text('crunchbase_url') }} as crunchbase_url,
        {{ clean_text('funding_stage') }} as funding_stage,
        {{ clean_text('stock_symbol') }} as stock_symbol,
        {{ clean_text('stock_exchange') }} as stock_exchange,

        -- json
        industries,
        categories,
        keywords,
        technologies,
        naics_codes,

        -- numbers and booleans
        founded_year,
        page_rank,
        latitude,
        longitude,
        total_funding,

        -- dates
        funding_date,

        -- timestamps
        companyenrich_updated_at,
        created_at,
        updated_at,

        -- what is compared to find rows that changed
        {{ row_version() }} as row_version
    from source

)

select * from cleaned
