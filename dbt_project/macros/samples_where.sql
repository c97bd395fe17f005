{#- In a `group by`: the first sample of each of the five drawers, of the rows where the condition holds; a list of expressions. -#}
{% macro samples_where(condition) -%}
{%- set samples = [] -%}
{%- for drawer in range(5) -%}
    {%- do samples.append("min(sample) filter (where " ~ condition ~ " and drawer = " ~ drawer ~ ")") -%}
{%- endfor -%}
{{ return(samples) }}
{%- endmacro %}
