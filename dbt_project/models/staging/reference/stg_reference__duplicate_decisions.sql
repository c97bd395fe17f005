with

source as (

    {{ columns_or_null(source('reference', 'duplicate_decisions'), {
        'object': 'text',
        'record_id_a': 'uuid',
        'record_id_b': 'uuid',
        'decision': 'text',
        'decided_by': 'text',
        'decided_at': 'timestamp with time zone',
    }) }}

),

cleaned as (

    select
        -- keys
        record_id_a,
        record_id_b,

        -- text
        {{ clean_text('object') }} as object,
        {{ clean_text('decision') }} as decision,
        {{ clean_text('decided_by') }} as decided_by,

        -- timestamps
        decided_at
    from source

)

select * from cleaned
