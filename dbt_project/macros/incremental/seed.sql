{#-
    Seeds are written row by row, which is a tenth of a small build: a table that was filled from the same file and still holds what
    was put into it is left alone. `--full-refresh` fills it anew in any case.
-#}
{% materialization seed, adapter='postgres' %}
{%- set filled = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
{%- if filled is not none and filled.is_table and not should_full_refresh() and rules_line(model) in comment_of(filled) -%}
    {%- set nothing = run_query('select 1 as found limit 0') -%}
    {%- do store_result('agate_table', response='OK', agate_table=nothing) -%}
    {%- call noop_statement('main', 'UNCHANGED', 'UNCHANGED', 0) -%}
    select 1
    {%- endcall -%}
    {{ return({'relations': [filled]}) }}
{%- endif -%}
{{ return(dbt.materialization_seed_default()) }}
{% endmaterialization %}

{% macro comment_of(relation) -%}
{{ return(run_query(
    "select coalesce(obj_description(to_regclass(" ~ sql_text(relation | string) ~ "), 'pg_class'), '')"
).columns[0].values()[0]) }}
{%- endmacro %}

{#- What stands in a seed's table. -#}
{% macro content_of(relation) -%}
{{ return(run_query(
    'select md5(string_agg(seed::text, chr(10) order by seed::text collate "C")) from ' ~ relation ~ ' as seed'
).columns[0].values()[0] or '') }}
{%- endmacro %}
