with

source as (

    select * from {{ source('attio_mirror', 'attached') }}

),

counted as (

    select
        record_id,
        coalesce(sum(count) filter (where kind = 'notes'), 0) as note_count,
        coalesce(sum(count) filter (where kind = 'tasks'), 0) as task_count,
        coalesce(sum(count) filter (where kind = 'entries'), 0) as entry_count
    from source
    group by record_id

)

select * from counted
