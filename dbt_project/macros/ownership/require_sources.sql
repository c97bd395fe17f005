{#- On-run-start: without the source tables every model would fail, each in its own words. One line instead. -#}
{% macro require_sources() -%}
{%- if execute and relations_to_build() -%}
    {%- set wanted = [] -%}
    {%- for source in graph.sources.values() -%}
        {%- do wanted.append("(" ~ sql_text(source.schema) ~ ", " ~ sql_text(source.identifier) ~ ")") -%}
    {%- endfor -%}
    {%- if wanted -%}
        {%- set missing = run_query(
            "select wanted.schema_name || '.' || wanted.relation_name from (values " ~ (wanted | join(', '))
            ~ ") as wanted (schema_name, relation_name)"
            ~ " where not exists (select 1 from pg_class join pg_namespace on pg_class.relnamespace = pg_namespace.oid"
            ~ " where nspname = wanted.schema_name and relname = wanted.relation_name and relkind in ('r', 'v', 'm', 'f', 'p'))"
            ~ " order by 1"
        ).columns[0].values() | list -%}
        {%- if missing -%}
            {{ exceptions.raise_compiler_error(
                "source tables are missing (" ~ named(missing) ~ "): run `canon migrate` first"
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endif -%}
{%- endmacro %}
