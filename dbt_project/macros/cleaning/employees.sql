{#- A number of employees as text in one spelling: '501 – 1K employees' becomes '501-1k'. -#}
{% macro employees_tidied(column) -%}
translate(regexp_replace(lower({{ column }}), '\s|,|employees', '', 'g'), '–—', '--')
{%- endmacro %}

{#- The first number of a tidied '501-1k' or '355'; null in any other form: prose, dates, '10k+'. -#}
{% macro employees_from(column) -%}
substring({{ column }} from '^(\d{1,7}(?:\.\d+)?k?)(?:-\d{1,7}(?:\.\d+)?k?)?$')
{%- endmacro %}

{#- The last number of a tidied '501-1k' or '355'; null in any other form. -#}
{% macro employees_to(column) -%}
substring({{ column }} from '^(?:\d{1,7}(?:\.\d+)?k?-)?(\d{1,7}(?:\.\d+)?k?)$')
{%- endmacro %}

{#- The number of a tidied '10k+', 'over-10k' or '>10k'; null in any other form. -#}
{% macro employees_over(column) -%}
coalesce(
    substring({{ column }} from '^(\d{1,7}(?:\.\d+)?k?)\+$'), substring({{ column }} from '^(?:over-?|>)(\d{1,7}(?:\.\d+)?k?)$')
)
{%- endmacro %}

{#- '1.5k' as a number: 1500. -#}
{% macro employees_counted(column) -%}
cast(rtrim({{ column }}, 'k') as numeric) * case when {{ column }} like '%k' then 1000 else 1 end
{%- endmacro %}
