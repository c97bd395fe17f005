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

{#- The words of a text with single blanks as a list; with another separator what it parts. -#}
{% macro words_of(text, separator=' ') -%}
string_to_array({{ text }}, '{{ separator }}')
{%- endmacro %}

{#- How many words a list of words has. -#}
{% macro count_of(words) -%}
cardinality({{ words }})
{%- endmacro %}

{#- The words of a list of words from a place on, as a text. -#}
{% macro words_from(words, place, joined_by=' ') -%}
array_to_string({{ words }}[{{ place }}:], '{{ joined_by }}')
{%- endmacro %}

{#- The words of a list of words from a place to another, as a text. -#}
{% macro words_between(words, first, last) -%}
array_to_string({{ words }}[{{ first }}:{{ last }}], ' ')
{%- endmacro %}

{#- The word at a place of a list of words, counted from 1. -#}
{% macro word_at(words, place) -%}
{{ words }}[{{ place }}]
{%- endmacro %}

{#- In a `from`: the whole numbers from 1, to be joined. -#}
{% macro whole_numbers_to(last) -%}
generate_series(1, {{ last }})
{%- endmacro %}

{#- The last words of a list of words, as a text. -#}
{% macro last_words(words, count, joined_by=' ') -%}
{{ words_from(words, count_of(words) ~ ' - ' ~ count ~ ' + 1', joined_by) }}
{%- endmacro %}

{#- All but the last words of a list of words, as a text. -#}
{% macro but_last_words(words, count) -%}
{{ words_between(words, 1, count_of(words) ~ ' - ' ~ count) }}
{%- endmacro %}

{#- The last word of a list of words. -#}
{% macro last_word(words) -%}
{{ word_at(words, count_of(words)) }}
{%- endmacro %}

{#- In a `from`: the pieces that a separator parts and their numbers from 1, to be joined:
    `cross join {{ pieces_of('text', ';') }} as pieces (piece, piece_number)`. -#}
{% macro pieces_of(text, separator) -%}
string_to_table({{ text }}, '{{ separator }}') with ordinality
{%- endmacro %}

{#- In a `select` or a `from`: each piece that a separator parts as a row of its own. -#}
{% macro piece_rows(text, separator) -%}
string_to_table({{ text }}, '{{ separator }}')
{%- endmacro %}

{#- In a `group by`: the values as a list, empty without any. -#}
{% macro list_of(column) -%}
coalesce(array_agg({{ column }}), '{}')
{%- endmacro %}

{#- Whether two lists have an element in common. -#}
{% macro have_in_common(one, other) -%}
{{ one }} && {{ other }}
{%- endmacro %}

{#- In a `select`: each of the expressions given as a row of its own. -#}
{% macro row_each() -%}
unnest(array[{{ varargs | join(', ') }}])
{%- endmacro %}

{#- In a `from`: lists of one length as columns, a row for each place. -#}
{% macro lists_side_by_side() -%}
unnest({{ varargs | join(', ') }})
{%- endmacro %}
