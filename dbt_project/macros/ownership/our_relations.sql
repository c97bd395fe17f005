{#-
    What dbt builds in this run, as rows of a `values` list: (schema, relation). Empty when nothing is built (`dbt test`), so that
    tests never touch the owner's database. Always has the table that remembers grants.
-#}
{% macro relations_to_build() -%}
{%- set found = [] -%}
{%- for node in graph.nodes.values() -%}
    {%- if node.resource_type in ('model', 'seed', 'snapshot')
        and node.config.materialized != 'ephemeral'
        and node.unique_id in selected_resources -%}
        {%- do found.append((node.schema, node.alias or node.name)) -%}
    {%- endif -%}
{%- endfor -%}
{%- if found -%}
    {%- do found.append((target.schema ~ '_intermediate', remembered_grants_table())) -%}
{%- endif -%}
{{ return(found) }}
{%- endmacro %}

{% macro remembered_grants_table() -%}
{{ return('grants_remembered') }}
{%- endmacro %}

{#- The line in a relation's comment that says: dbt made this, and replaces it at every build. -#}
{% macro marker() -%}
{{ return('[built by dbt: ' ~ project_name ~ ']') }}
{%- endmacro %}

{% macro sql_text(text) -%}
'{{ (text or '') | replace("'", "''") }}'
{%- endmacro %}

{#- One line for a message out of many names. -#}
{% macro named(names, most=5) -%}
{{ return((names[:most] | join(', ')) ~ ((' and ' ~ (names | length - most) ~ ' more') if names | length > most else '')) }}
{%- endmacro %}
