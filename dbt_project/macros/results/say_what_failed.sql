{#-
    On-run-end: for each data test that failed or warned its first rows, for dbt itself says only how many there are.
-#}
{% macro say_what_failed(results) -%}
{%- if execute and flags.WHICH in ('build', 'test', 'retry') -%}
{%- for result in results if result.node.resource_type == 'test' and result.status | string in ('fail', 'warn') -%}
    {%- for row in run_query('select * from (' ~ result.node.compiled_code ~ ') as failed limit 3').rows -%}
        {%- do print(result.node.name ~ ': ' ~ row.values() | join(' | ')) -%}
    {%- endfor -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro %}
