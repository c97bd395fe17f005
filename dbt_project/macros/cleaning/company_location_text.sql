{% macro company_location_text(city='city', state='state', country='country') %}
{#- An enriched company's place as one text, written like everybody else's: 'city, state, country' without the blanks.
    Null when all three are null. -#}
nullif(concat_ws(', ', nullif({{ city }}, ''), nullif({{ state }}, ''), nullif({{ country }}, '')), '')
{%- endmacro %}
