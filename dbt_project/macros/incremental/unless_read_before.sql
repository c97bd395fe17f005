{#-
    The condition that leaves texts of places which no build has read, or all of them when the rules or the gazetteer have changed
    since, or when somebody asks for --full-refresh.
-#}
{% macro unless_read_before(column) -%}
{%- if execute and model.resource_type == 'model' -%}
{%- set parsed = graph.nodes['model.' ~ project_name ~ '.int_locations_parsed'] -%}
{%- set read_before = adapter.get_relation(parsed.database, parsed.schema, parsed.alias) -%}
{%- if read_before is not none and not flags.FULL_REFRESH and rules_line(parsed) in comment_before(read_before) -%}
where not exists (
        select 1
        from (
            -- twice, where two builds overlapped: then neither counts
            select location_raw from {{ read_before }} group by location_raw having count(*) = 1
        ) as made
        where made.location_raw = {{ column }}
    )
{%- endif -%}
{%- endif -%}
{%- endmacro %}

{#-
    Pre-hook of what was read: raises where the steps before it are not of one build, or hold only what the last one read though all is
    to be made anew. A newer relation has a higher oid.
-#}
{% macro require_steps_of_one_build(steps) -%}
do $$
begin
    if
        {%- for step in steps[1:] %}
        {{ sql_text(steps[loop.index0] | string) }}::regclass::oid > {{ sql_text(step | string) }}::regclass::oid
        {{- ' or' if not loop.last }}
        {%- endfor %}
        {%- if not is_incremental() %}
        or exists (
            select from {{ ref('int_location_strings') }} as found
            where not exists (select from {{ steps[0] }} as texts where texts.location_raw = found.location_raw)
        )
        {%- endif %}
    then
        raise exception 'places are read anew only together with the steps before: build int_location_texts_prepared+ as well';
    end if;
end
$$
{%- endmacro %}
