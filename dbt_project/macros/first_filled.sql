{#- In a `group by`: the first value that is one, in the order given. -#}
{% macro first_filled(column, in_order_of) -%}
(array_agg({{ column }} order by {{ in_order_of }}) filter (where {{ column }} is not null))[1]
{%- endmacro %}
