{#- The order of the rows about one profile: the newest job, then what was stored last; the id breaks ties. -#}
{% macro newest_first(rows) -%}
{{ rows }}.latest_start_date desc nulls last, {{ rows }}.updated_at desc nulls last, {{ rows }}.id asc
{%- endmacro %}
