{% macro location_key(expression) %}
{#- The comparison key of a place's name: no accents, no apostrophes and dots, lower case, one blank for other punctuation,
    "Saint" as "st". Two regular expressions over character classes: `translate` with a long list costs four times as much,
    and this runs over every name of the gazetteer. -#}
{%- set accents_and_apostrophes = "U&'[\\0300-\\036F\\02BB\\02BC\\02BE\\02BF\\2018\\2019`\\00B4.'']'" -%}
{%- set blanks_and_punctuation = "U&'[\\0001-\\0020\\00A0\\2000-\\200F\\2028-\\202F\\3000,_/()\\\\[\\\\]{}:*#&+!?|\"\\201C-\\201F\\FF1B\\FF0C\\3001\\2010-\\2015-]+'" -%}
btrim(replace(replace(
    ' ' || regexp_replace(
        translate(
            lower(regexp_replace(normalize({{ expression }}, nfd), {{ accents_and_apostrophes }}, '', 'g')),
            'łøđıß',
            'lodis'
        ),
        {{ blanks_and_punctuation }}, ' ', 'g'
    ) || ' ',
    ' saint ', ' st '
), ' sainte ', ' ste '))
{%- endmacro %}

{#- A name with its letters spelt out, as people write it who have no key for them: 'Århus' as 'aarhus', 'Düsseldorf' as 'duesseldorf'. -#}
{% macro location_spelt_out(name) -%}
{%- set spelt = namespace(out='lower(' ~ name ~ ')') -%}
{%- for letter, letters in {'å': 'aa', 'ä': 'ae', 'æ': 'ae', 'ö': 'oe', 'ø': 'oe', 'ü': 'ue'}.items() -%}
{%- set spelt.out = "replace(" ~ spelt.out ~ ", '" ~ letter ~ "', '" ~ letters ~ "')" -%}
{%- endfor -%}
{{ spelt.out }}
{%- endmacro %}
