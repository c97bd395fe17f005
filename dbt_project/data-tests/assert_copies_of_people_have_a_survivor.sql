-- What the clean-up removes goes into its survivor: a survivor that is itself somebody's copy would take it along.
with

roles as (

    select * from {{ ref('attio_person_duplicates') }}

),

survivors as (

    select * from roles
    where role = 'survivor'

)

select roles.*
from roles
left join survivors on roles.survivor_record_id = survivors.record_id
where roles.role = 'duplicate' and survivors.record_id is null
