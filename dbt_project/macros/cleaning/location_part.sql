{#- A part between commas without postcodes and house numbers (words with a digit), the preposition in front and the punctuation
    around it. Most parts are one word, and pay for less. -#}
{% macro location_part_cleaned(part) -%}
{%- set punctuation = "E' \\u00a0\\t-–—*#.!?:\"''“”„()[]{}+&~_=<>^'" -%}
case
    when position(' ' in btrim({{ part }})) = 0 and {{ part }} !~ '\d' then btrim({{ part }}, {{ punctuation }})
    else btrim(
        regexp_replace(
            regexp_replace(
                case when {{ part }} ~ '\d' then regexp_replace({{ part }}, '\S*\d\S*', ' ', 'g') else {{ part }} end,
                '\s+', ' ', 'g'
            ),
            '^\W*(?:in|at|from|near|within|around|via|between)\s+(?=\S)', '', 'i'
        ),
        {{ punctuation }}
    )
end
{%- endmacro %}

{#- The key of the city of 'greater boston', 'dallas metro', 'chicago area', 'paris et peripherie'; null without such a word. -#}
{% macro location_metro_key(key) -%}
{%- set and_around = ' (et (sa )?(peripherie|region|environs)|und umgebung|y (sus )?alrededores|en omgeving|e regiao|e arredores|e dintorni'
    ~ '|og omegn|med omnejd|i okolice|and surroundings)$' -%}
case
    when position(' ' in {{ key }}) = 0 then null
    when {{ key }} ~ '{{ and_around }}' then regexp_replace({{ key }}, '{{ and_around }}', '')
    when {{ key }} ~ '^greater |(^| )metro|( area)$|^area '
        then btrim(regexp_replace(
            ' ' || {{ key }} || ' ', ' (greater|metro|metropolitan|metroplex|area|region)(?= )', '', 'g'
        ))
end
{%- endmacro %}

{#- The key of the name itself of 'kaohsiung city', 'city of london', 'kyoto shi'; null without such a word. -#}
{% macro location_plain_key(key) -%}
case
    when position(' ' in {{ key }}) = 0 then null
    when {{ key }} ~ ' (city|shi|town|township|municipality|cedex|village|centre|center)$|^(city of|the|downtown|central) '
        then regexp_replace(
            {{ key }},
            '^(city of|the|downtown|central) | ((city )?(centre|center)|city|shi|town|township|municipality|cedex|village)$',
            '', 'g'
        )
end
{%- endmacro %}

{#- The key of the nickname in 'downtown la', 'greater la', 'nyc area'; null without such a word. `metro_key`: where it is known already. -#}
{% macro location_nickname_key(key, metro_key=none) -%}
case when {{ key }} like 'downtown %' then substr({{ key }}, 10) else {{ metro_key or location_metro_key(key) }} end
{%- endmacro %}

{#- The key of the city of 'south east london', 'east nashville'; null without such a word. -#}
{% macro location_city_of_quarter_key(key) -%}
case
    when position(' ' in {{ key }}) > 0
        then {{ caught_in(key, '^(?:(?:north|south) ?(?:east|west)?|east|west|inner|outer) (.+)') }}
end
{%- endmacro %}

{#- Whether a part may stand as a locality though the gazetteer does not know it. -#}
{% macro location_reads_as_name(part, key) -%}
{{ part }} ~ '^\w' and {{ part }} !~ '[@#$%^*=<>~:"]'
-- words glued by a scraper: 'SecurityRehovot'
and {{ part }} !~ '[a-z]{3}[A-Z]'
and length({{ part }}) between 3 and 40
and {{ count_of(words_of(key)) }} <= 4
and {{ part }} != lower({{ part }})
-- 'nalyst Cognyte' begins in the middle of a word; 'den Haag' and 'el Ejido' do not
and {{ part }} !~ '^[[:lower:]]{4}'
and {{ part }} !~ '^[A-Z]{3,} .*[a-z]'
and {{ key }} !~ ' (of|the|in|at|and|to|from|is)$'
{%- endmacro %}
