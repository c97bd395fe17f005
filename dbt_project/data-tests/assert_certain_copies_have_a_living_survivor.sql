-- What the clean-up removes goes into its survivor: a survivor that is itself somebody's copy would take it along.
with

roles as (

    select
        'companies' as object,
        record_id,
        survivor_record_id,
        role
    from {{ ref('attio_company_duplicates') }}
    union all
    select
        'people' as object,
        record_id,
        survivor_record_id,
        role
    from {{ ref('attio_person_duplicates') }}

)

select copies.*
from roles as copies
left join roles as survivors
    on
        copies.object = survivors.object
        and copies.survivor_record_id = survivors.record_id
        and survivors.role = 'survivor'
where copies.role = 'duplicate' and survivors.record_id is null
