with

found as (

    {{ cells_found('location_name', [
        ('core.company_job_postings', ref('stg_core__company_job_postings'), 'location', 'location'),
        (
            'extracted.companyenrich_company', ref('stg_extracted__companyenrich_company'), 'city, state, country',
            company_location_text(),
        ),
    ], 'location_raw') }}

)

select * from found
