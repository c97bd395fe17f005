{% macro location_unit_key(key, with_quarter=false) %}
{#- The key of a region without the words that say what kind of unit it is: 'cairo governorate' and 'cairo' meet, 'county
    galway' and 'galway'. Only ever compared with names of regions. `with_quarter` drops 'northern' and its like too
    ('northern california'): for what people write, never for the names of the gazetteer ('West Virginia'). -#}
{%- set before = 'county|co|state of|province of|region of|canton of|departamento de|provincia de|estado de' -%}
{%- set quarter = 'greater|metro|northern|southern|eastern|western|central|north|south|east|west|upstate|downtown' -%}
{%- set after = 'county|region|province|governorate|district|prefecture|oblast|voivodeship|department|municipality|parish'
    ~ '|division|emirate|territory|state|kraj|krai|metropolitan area|metro area|area|autonomous region|ken|lan|sheng|shi' -%}
case when position(' ' in {{ key }}) = 0 then {{ key }} else regexp_replace(
    regexp_replace({{ key }}, '^(?:{{ before }}{{ '|' ~ quarter if with_quarter }}) (?=.)', ''),
    '(?<=.) (?:{{ after }})$', ''
) end
{%- endmacro %}


{#- Whether a key says that it is a region's: 'cairo governorate'. A county, a district or an area may be a smaller one. -#}
{% macro location_says_region(key) -%}
{{ key }} ~ '^((state|province|region|canton) of|(departamento|provincia) de) | (region|province|governorate|prefecture|oblast|voivodeship|department|emirate|kraj|krai|ken|sheng)$'
{%- endmacro %}
