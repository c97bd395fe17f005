{#-
    A text cell without blanks around it and without invisible characters; null when nothing is left. Nearly no cell holds any of
    them, and looking for them costs a third of replacing them.
-#}
{% macro clean_text(column) -%}
{%- set odd = '\\t\\n\\r\\u00a0\\u2007\\u202f\\u3000\\u200b\\u200c\\u200d\\u200e\\u200f\\u202a\\u202b\\u202c\\u202d\\u202e\\u2060\\u2066\\u2067\\u2068\\u2069\\ufeff' -%}
nullif(btrim(case when {{ column }}::text ~ E'[{{ odd }}]' then translate({{ column }}::text, E'{{ odd }}', '       ') else {{ column }}::text end), '')
{%- endmacro %}

{#-
    A text cell, cleaned; null also where it only says that there is nothing to say: 'N/A', '#N/A', '-', 'undefined', 'null'.
    `of_a_person`: names of people, some of whom are called Null, None or Nan. A list, not a pattern, and looked up only where the
    first character lets it be one of these: else it would cost as much as all the rest of a build's reading of people.
-#}
{% macro said_text(column, of_a_person=false) -%}
{%- set nothing = ['', 'n/a', '#n/a', 'n.a.', 'not available', 'not applicable', 'not specified', 'undefined'] -%}
{%- if not of_a_person -%}
    {%- do nothing.extend(['null', 'none', 'nan', 'unknown']) -%}
{%- endif -%}
{%- set initials = nothing | reject('equalto', '') | map('first') | list -%}
{%- set other_letters = [] -%}
{%- for letter in 'abcdefghijklmnopqrstuvwxyz' -%}
    {%- if letter not in initials -%}
        {%- do other_letters.extend([64 + loop.index, 96 + loop.index]) -%}
    {%- endif -%}
{%- endfor -%}
case
            when
                ascii({{ column }}::text) not in ({{ other_letters | join(', ') }})
                and (
                    lower(btrim({{ column }}::text, E' \t\n\r')) in ('{{ nothing | join("', '") }}')
                    or btrim({{ column }}::text, E' \t\n\r.,:;-_–—…/\\#?!*''"()[]') = ''
                )
                then null
            else {{ clean_text(column) }}
        end
{%- endmacro %}

{#- A text cell as it was found; null when it is blank. What begins with a character that shows is not. -#}
{% macro untouched_text(column) -%}
case when ascii({{ column }}::text) > 32 or btrim({{ column }}::text, E' \t\n\r') != '' then {{ column }}::text end
{%- endmacro %}

{#- `left`, but the characters are counted only where there are more bytes than that: to count them takes longer than all else. -#}
{% macro beginning_of_text(text, characters) -%}
case when octet_length({{ text }}) <= {{ characters }} then {{ text }} else left({{ text }}, {{ characters }}) end
{%- endmacro %}

{#- Lower case without accents, for comparison. NFD takes letters and marks apart, the marks go. -#}
{% macro fold_text(column) -%}
lower(regexp_replace(normalize({{ column }}, nfd), E'[\u0300-\u036f]', '', 'g'))
{%- endmacro %}

{#- A text as a uuid; null when it is none, where a cast would stop the model. -#}
{% macro uuid_or_null(column) -%}
case when {{ column }} ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then {{ column }}::uuid end
{%- endmacro %}

{#- The words of a text in lower case, without accents and whatever is neither letter nor digit; null when none is left. -#}
{% macro folded_words(column) -%}
nullif(btrim(regexp_replace({{ fold_text(column) }}, '[^[:alnum:]]+', ' ', 'g')), '')
{%- endmacro %}

{#- A text up to its first bracket: 'Dalarnas län [SE-20]' becomes 'Dalarnas län'. -#}
{% macro text_before_bracket(column) -%}
btrim(regexp_replace({{ column }}, '\s*[\[(].*$', ''))
{%- endmacro %}
