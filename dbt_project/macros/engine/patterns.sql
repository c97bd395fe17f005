{#- Whether a text matches a regular expression; null when it is null. -#}
{% macro matches(text, pattern) -%}
{{ text }} ~ '{{ pattern }}'
{%- endmacro %}

{#- The part of a text that the group of a regular expression catches; null without one. -#}
{% macro caught_in(text, pattern) -%}
substring({{ text }} from '{{ pattern }}')
{%- endmacro %}

{#- In a `group by`: a regular expression of any of the phrases as whole words, the longest first. What people typed into a seed is
    text, not a pattern. -#}
{% macro any_of_phrases(phrase) -%}
'\m(' || string_agg(
    regexp_replace({{ phrase }}, '([^[:alnum:] ])', '\\\1', 'g'), '|' order by length({{ phrase }}) desc, {{ phrase }}
) || ')\M'
{%- endmacro %}

{#- In a `group by`: what a text holds that may say one of the phrases, in small letters: a look that costs a third of the pattern. -#}
{% macro traces_of_phrases(phrase) -%}
array_agg('%' || replace(lower({{ phrase }}), chr(92), repeat(chr(92), 2)) || '%')
{%- endmacro %}

{#- Whether a text says any of the phrases, in capitals or not; where a seed has none of a kind, it says none. -#}
{% macro says_any(text, traces, phrases) -%}
coalesce(lower({{ text }}) like any ({{ traces }}) and {{ text }} ~* {{ phrases }}, false)
{%- endmacro %}

{#- A text with something else wherever it says any of the phrases, in capitals or not. -#}
{% macro in_place_of_any(text, phrases, by=' ') -%}
regexp_replace({{ text }}, {{ phrases }}, '{{ by }}', 'gi')
{%- endmacro %}
