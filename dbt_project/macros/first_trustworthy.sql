{#-
    Of several sources joined side by side, the first one's value that is one.

    sources: pairs of (table alias, name of the source for people), the most trustworthy first.
-#}
{% macro first_trustworthy(column, sources) -%}
coalesce({% for source in sources %}{{ source[0] }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#- The name of the source that first_trustworthy took; null when none has a value. -#}
{% macro source_taken(column, sources) -%}
case
{%- for source in sources %}
    when {{ source[0] }}.{{ column }} is not null then {{ sql_text(source[1]) }}
{%- endfor %}
end
{%- endmacro %}
