{#-
    Marts go to the target schema of the profile (`canon`), everything else beside it: canon_staging, canon_intermediate,
    canon_seeds. Written out, though dbt's own default says the same, because the contract with the owner rests on it: dbt
    writes nowhere else.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
{%- if custom_schema_name is none -%}
    {{ target.schema }}
{%- else -%}
    {{ target.schema }}_{{ custom_schema_name | trim }}
{%- endif -%}
{%- endmacro %}
