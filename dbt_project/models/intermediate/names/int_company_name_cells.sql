with

found as (

    {{ cells_found('latest_company', [
        ('core.company_canonical', ref('stg_core__company_canonical'), 'original_name', 'original_name'),
        ('core.company_canonical', ref('stg_core__company_canonical'), 'cleaned_name', 'cleaned_name'),
        ('extracted.companyenrich_company', ref('stg_extracted__companyenrich_company'), 'name', 'name'),
        ('attio_mirror.companies', ref('stg_attio__companies'), 'name', 'name'),
    ], 'name_raw') }}

)

select * from found
