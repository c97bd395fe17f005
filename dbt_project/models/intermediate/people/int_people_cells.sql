{#- Three readers take one column each, and the cells of one lie together: an index of page ranges is all they need. -#}
{{ config(
    materialized="incremental",
    incremental_strategy="append",
    indexes=[{"columns": ["column_name"], "type": "brin"}],
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ lock_touched_cells() }}",
        "{{ take_touched_cells() }}",
        "{{ find_changed_rows(changes_of_people_cells()) }}",
        "{{ delete_changed_rows(['column_name', 'cell']) }}",
    ],
) }}

with

counted as (

    {% if is_incremental() -%}
        select
            column_name,
            cell,
            cells
        from changed_rows
        where column_name is not null and cells > 0
    {%- else -%}
        {{ cells_of_people(ref('int_people_read')) }}
    {%- endif %}

)

select * from counted
