{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ find_changed_rows(changes_of_judged_payloads()) }}",
        "{{ delete_changed_rows(['source', 'key']) }}",
    ],
) }}

{#- A key's payloads are judged together, in the order they arrived in. -#}
with

payloads as (

    select payloads_read.* from {{ ref('int_payloads_read') }} as payloads_read
    {%- if is_incremental() %}
    inner join changed_rows on payloads_read.source = changed_rows.source and payloads_read.key = changed_rows.key
    {%- endif %}
    where payloads_read.key is not null

),

keys as (

    select
        source,
        key,
        {{ made_from('id::text') }} as made_from
    from payloads
    group by source, key

),

beside_the_newest_before as (

    select
        *,
        max(dated) over (
            partition by source, key order by created_at, id rows between unbounded preceding and 1 preceding
        ) as newest_before
    from payloads

),

-- an older answer does not win over what is there
taken_in_turn as materialized (

    select
        source,
        id,
        created_at,
        patch,
        key,
        row_number() over in_order as place,
        lag(patch) over in_order as patch_before,
        first_value(patch) over in_reverse as last_patch,
        first_value(id) over in_reverse as last_id
    from beside_the_newest_before
    where dated >= newest_before or dated is null or newest_before is null
    window
        in_order as (partition by source, key order by created_at, id),
        in_reverse as (partition by source, key order by created_at desc, id desc)

),

keys_to_look_into as (

    select distinct
        source,
        key
    from taken_in_turn
    where patch != patch_before

),

-- a blank never erases: what a payload changes is told by each column's last value, not by the payload before
columns_in_turn as (

    select
        taken_in_turn.source,
        taken_in_turn.id,
        taken_in_turn.place,
        said.value,
        lag(said.value) over (
            partition by taken_in_turn.source, taken_in_turn.key, said.name order by taken_in_turn.place
        ) as value_before
    from taken_in_turn
    inner join keys_to_look_into
        on taken_in_turn.source = keys_to_look_into.source and taken_in_turn.key = keys_to_look_into.key
    cross join {{ json_pairs('taken_in_turn.patch') }} as said (name, value)

),

changing as (

    select distinct
        source,
        id
    from columns_in_turn
    where place > 1 and value is distinct from value_before

),

extracted_rows as materialized (

    {{ extracted_rows('keys', with_content=true) }}

),

versions_extracted as (

    select
        source,
        key,
        {{ made_from('id::text') }} as made_from
    from extracted_rows
    group by source, key

),

-- an owner's spellings of one key: the row touched last
extracted_keys as (

    select distinct on (source, key) *
    from extracted_rows
    order by source, key, updated_at desc nulls last

),

judged as (

    select
        taken_in_turn.source,
        taken_in_turn.id,
        case
            when extracted_keys.key is null then 'missing'
            -- nothing touched the row since, and it neither says what its last payload says nor whence it came
            when
                (taken_in_turn.place = 1 or changing.id is not null)
                and extracted_keys.updated_at < taken_in_turn.created_at
                and not coalesce(extracted_keys.raw_payload_id = taken_in_turn.last_id, false)
                and {{ json_with('extracted_keys.content', 'taken_in_turn.last_patch', but=['domain', 'linkedin_url', 'job_id']) }}
                != extracted_keys.content
                then 'missing'
            when changing.id is not null then 'changed'
            when taken_in_turn.place > 1 then 'identical'
            -- the row was there before its first payload; one call stamps its payloads a millionth of a second apart
            when extracted_keys.created_at < taken_in_turn.created_at - interval '2 milliseconds'
                then
                    case
                        when extracted_keys.raw_payload_id = taken_in_turn.id then 'changed'
                        when extracted_keys.updated_at < taken_in_turn.created_at then 'identical'
                        else 'changed'
                    end
            else 'new'
        end as outcome
    from taken_in_turn
    left join extracted_keys
        on taken_in_turn.source = extracted_keys.source and taken_in_turn.key = extracted_keys.key
    left join changing on taken_in_turn.source = changing.source and taken_in_turn.id = changing.id

),

every_payload as (

    select
        -- keys
        payloads.source,
        payloads.id,
        payloads.key,

        -- text
        coalesce(judged.outcome, 'refused') as outcome,

        -- which versions of payloads and extracted rows this was made from
        {{ judged_by('keys', 'versions_extracted') }} as made_from
    from payloads
    inner join keys on payloads.source = keys.source and payloads.key = keys.key
    left join versions_extracted on payloads.source = versions_extracted.source and payloads.key = versions_extracted.key
    left join judged on payloads.source = judged.source and payloads.id = judged.id

)

select * from every_payload
