{#- `domains`: a list, as Attio wants it, of the one domain in `column`; null when there is none. -#}
{% macro attio_domains(column) -%}
case when {{ column }} is not null then jsonb_build_array({{ column }}) end
{%- endmacro %}
