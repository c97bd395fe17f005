{% macro location_key(expression) %}
{#- The comparison key of a place's name: no accents, no punctuation, lower case, one blank between words, "Saint" as "st".
    One pass of `translate` instead of a chain of regular expressions: it runs over every name of the gazetteer. -#}
{%- set letters = 'łøđıß' -%}
{%- set blanks = ',-–—_/()[]{}:*#&+!?|"“”„；，、' -%}
{%- set dropped = "ʼ’‘`´.ʻʿʾ''" -%}
btrim(regexp_replace(
    replace(replace(
        ' ' || translate(
            lower(regexp_replace(normalize({{ expression }}, nfd), U&'[\0300-\036F]', '', 'g')),
            '{{ letters ~ blanks ~ dropped }}',
            'lodis{{ ' ' * (blanks | length) }}'
        ) || ' ',
        ' saint ', ' st '
    ), ' sainte ', ' ste '),
    '\s+', ' ', 'g'
))
{%- endmacro %}
