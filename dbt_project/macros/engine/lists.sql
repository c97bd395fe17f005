{#- Whether two lists of words, each a text with single blanks, have a word in common; null when either is null. -#}
{% macro shares_a_word(one, other) -%}
string_to_array({{ one }}, ' ') && string_to_array({{ other }}, ' ')
{%- endmacro %}

{#- Whether a word stands in a list of words, a text with single blanks; null when either is null. -#}
{% macro has_word(words, word) -%}
{{ word }} = any(string_to_array({{ words }}, ' '))
{%- endmacro %}

{#- In a `group by`: the value that comes first, be it null; of the rows where `only_where` holds. -#}
{% macro first_value_of(column, in_order_of, only_where=none) -%}
(array_agg({{ column }} order by {{ in_order_of }}){% if only_where %} filter (where {{ only_where }}){% endif %})[1]
{%- endmacro %}

{#- In a `group by`: the first value that is one, in the order given. -#}
{% macro first_filled(column, in_order_of) -%}
{{ first_value_of(column, in_order_of, only_where=column ~ ' is not null') }}
{%- endmacro %}
