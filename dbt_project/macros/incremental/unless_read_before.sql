{#-
    The condition that leaves texts of places which no build has read, or all of them when the rules or the gazetteer have changed
    since, or when somebody asks for --full-refresh.
-#}
{% macro unless_read_before(column) -%}
{%- if execute and model.resource_type == 'model' -%}
{%- set parsed = graph.nodes['model.' ~ project_name ~ '.int_locations_parsed'] -%}
{%- set read_before = adapter.get_relation(parsed.database, parsed.schema, parsed.alias) -%}
{%- if read_before is not none and not flags.FULL_REFRESH and rules_line(parsed) in comment_of(read_before) -%}
where not exists (select 1 from {{ read_before }} as made where made.location_raw = {{ column }})
{%- endif -%}
{%- endif -%}
{%- endmacro %}
