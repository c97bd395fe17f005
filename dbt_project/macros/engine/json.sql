{#- The texts of a JSON list as rows, to be joined: `cross join {{ json_texts('emails') }} as listed (email)`. -#}
{% macro json_texts(column) -%}
lateral jsonb_array_elements_text({{ column }})
{%- endmacro %}

{#- The same with each one's place from 1 on: `... as listed (email, place)`. -#}
{% macro json_texts_numbered(column) -%}
lateral jsonb_array_elements_text({{ column }}) with ordinality
{%- endmacro %}

{#- In a `group by`: a JSON list of a column's values in their order. -#}
{% macro json_list_of_rows(column, distinct=false) -%}
jsonb_agg({{ 'distinct ' if distinct }}{{ column }}{% if not distinct %} order by {{ column }}{% endif %})
{%- endmacro %}

{#- A JSON list of the texts given, as many as are not null; no argument makes an empty one. -#}
{% macro json_list() -%}
{%- if varargs -%}
to_jsonb(array_remove(array[{{ varargs | join(', ') }}]::text[], null))
{%- else -%}
'[]'::jsonb
{%- endif -%}
{%- endmacro %}

{#- A JSON list of the codes whose condition holds, in the order given: pairs of condition and code. -#}
{% macro json_codes(codes) -%}
to_jsonb(array_remove(array[
{%- for condition, code in codes %}
    case when {{ condition }} then {{ sql_text(code) }} end{{ ',' if not loop.last }}
{%- endfor %}
]::text[], null))
{%- endmacro %}

{#- A JSON object of pairs of key and expression, without the keys whose expression is null. -#}
{% macro json_object_of_filled(pairs) -%}
jsonb_strip_nulls(jsonb_build_object(
{%- for key, expression in pairs %}
    {{ sql_text(key) }}, {{ expression }}{{ ',' if not loop.last }}
{%- endfor %}
))
{%- endmacro %}

{#- The text under a key of a JSON object; null without it. -#}
{% macro json_text(column, key) -%}
{{ column }} ->> '{{ key }}'
{%- endmacro %}

{#- What stands under a key of a JSON object, as JSON; null without it. -#}
{% macro json_under(column, key) -%}
{{ column }} -> '{{ key }}'
{%- endmacro %}

{#- A row as a JSON object, without one of its columns. -#}
{% macro json_of_row(row, without) -%}
to_jsonb({{ row }}) - '{{ without }}'
{%- endmacro %}

{#- A JSON object with the keys of another, but for some. -#}
{% macro json_with(column, other, but) -%}
{{ column }} || ({{ other }} - '{{ '{' ~ but | join(',') ~ '}' }}'::text[])
{%- endmacro %}

{#- The keys and values of a JSON object as rows, to be joined: `cross join {{ json_pairs('patch') }} as said (name, value)`. -#}
{% macro json_pairs(column) -%}
lateral jsonb_each({{ column }})
{%- endmacro %}

{#- Whether a JSON column holds anything but a list of texts that say something; not true of null. -#}
{% macro is_no_list_of_texts(column) -%}
case
    when jsonb_typeof({{ column }}) = 'array'
        then jsonb_path_exists({{ column }}, '$[*] ? (@.type() != "string" || @ == "")')
    else {{ column }} is not null
end
{%- endmacro %}
