{#-
    Post-hook: the description as the relation's comment, so that it is read where the data is, and the marker behind it. Not where it
    stands there already: to comment on a table that autovacuum is at work on is to wait a second for it to give way.
-#}
{% macro mark_as_ours() -%}
{%- set comment = comment_with_marker(model.description, rules_line(model) if model.config.materialized != 'table' or model.config.meta.whole) -%}
do $mark$
begin
    if obj_description({{ sql_text(this | string) }}::regclass, 'pg_class') is distinct from {{ comment }} then
        comment on {{ 'view' if model.config.materialized == 'view' else 'table' }} {{ this }} is {{ comment }};
    end if;
end
$mark$
{%- endmacro %}

{% macro comment_with_marker(description, rules=none) -%}
{{ sql_text((((description or '') | trim) ~ '\n\n' ~ marker() ~ ('\n' ~ rules if rules else '')) | trim) }}
{%- endmacro %}

{#- `persist_docs`, should an owner turn it on, comes after the post-hooks: it keeps the marker too. -#}
{% macro postgres__alter_relation_comment(relation, comment) -%}
comment on {{ relation.type if relation.type in ('view', 'table') else 'table' }} {{ relation }} is {{ comment_with_marker(comment) }};
{%- endmacro %}

{#-
    For a relation that is ours and lost its comment:
    dbt run-operation adopt --args '{relation: canon.person_export}'
-#}
{% macro adopt(relation) -%}
{%- set parts = relation.split('.') -%}
{%- if parts | length != 2 -%}
    {{ exceptions.raise_compiler_error("adopt: name it as schema.relation, not '" ~ relation ~ "'") }}
{%- endif -%}
{%- set kinds = run_query(
    "select relkind::text from pg_class join pg_namespace on pg_class.relnamespace = pg_namespace.oid where nspname = "
    ~ sql_text(parts[0]) ~ " and relname = " ~ sql_text(parts[1])
).columns[0].values() -%}
{%- if kinds | length != 1 or kinds[0] not in ('r', 'v') -%}
    {{ exceptions.raise_compiler_error("adopt: there is no table or view " ~ relation) }}
{%- endif -%}
{%- do run_query(
    "comment on " ~ ('view ' if kinds[0] == 'v' else 'table ')
    ~ adapter.quote(parts[0]) ~ "." ~ adapter.quote(parts[1]) ~ " is " ~ comment_with_marker('') ~ "; commit"
) -%}
{%- do log(relation ~ " is dbt's now: the next build replaces it", info=true) -%}
{%- endmacro %}
