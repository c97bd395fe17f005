{#-
    Whether a word that is spelled like a legal form is meant as one. By the seed's column `written`:
      any     always
      upper   in capitals, with dots inside or as German law writes it: 'Software AG', 'Volksbank eG', not 'Indigo Ag'
      mixed   with dots inside, as 'SpA', behind a comma, or in capitals while the rest is not: 'Bolt AS', not 'Red Door Spa'
      dotted  with a dot: 'Kubuds Co.', not 'Zip Co'
    Two capitals behind a comma can be a state: 'City of Aurora, CO'.

    written: the seed's column.  words: an array of the name's words as written.  place: where in it the form's last word stands.
-#}
{% macro legal_form_is_meant(written, words, place) -%}
{%- set word = word_at(words, place) -%}
{%- set behind_comma = word_at(words, place ~ ' - 1') ~ " like '%,'" -%}
{%- set rest = words_between(words, 1, place ~ ' - 1') -%}
case
            when {{ behind_comma }} and {{ word }} in ('AB', 'AL', 'AS', 'CO', 'KS', 'NV', 'PC', 'SA', 'SC') then false
            when {{ written }} = 'any' then true
            when {{ written }} = 'upper' then {{ word }} = upper({{ word }}) or {{ word }} ~ '[./].' or {{ word }} in ('eG', 'eK', 'eV')
            when {{ written }} = 'dotted' then {{ word }} like '%.%'
            else
                {{ word }} ~ '[./].'
                or {{ word }} = 'SpA'
                or {{ behind_comma }}
                or ({{ word }} = upper({{ word }}) and {{ rest }} != upper({{ rest }}))
        end
{%- endmacro %}

{#- Never empty because of a legal form at the end: 'SAS', 'Inc.' and 'The Limited' are names. -#}
{% macro names_more_than(form) -%}
names.last_kept - {{ form }}.word_count >= names.first_kept
            and {{ words_between('names.keys', 'names.first_kept', 'names.last_kept - ' ~ form ~ '.word_count') }}
            not in ('the', 'a', 'an', 'la', 'le', 'el', 'and', '&')
{%- endmacro %}

{#- In a `group by`: a regular expression of any of the forms of Chinese, Japanese and Korean law, which stand without a blank. -#}
{% macro name_glued_forms(form) -%}
string_agg(regexp_replace({{ form }}, '([()])', '\\\1', 'g'), '|' order by length({{ form }}) desc)
{%- endmacro %}

{#- A name without such a form in front or behind; as it is when nothing would be left. -#}
{% macro name_unglued(column, glued_forms) -%}
case
            -- plain letters hold none
            when octet_length({{ column }}) = length({{ column }}) then {{ column }}
            else
                coalesce(
                    nullif(btrim(regexp_replace(
                        replace(replace(translate({{ column }}, '（）', '()'), '㈱', '(株)'), '㈜', '(주)'),
                        '^\s*(' || {{ glued_forms }} || ')|(' || {{ glued_forms }} || ')\s*$',
                        '',
                        'g'
                    )), ''),
                    {{ column }}
                )
        end
{%- endmacro %}

{#- A name as its words are compared with the forms: without punctuation, in lower case, '&' for '+'. -#}
{% macro name_compared(column) -%}
lower(
            -- looking for them costs a fifth of replacing them, and most names hold none
            case
                when {{ column }} ~ '[+.,''"’()/«»“”„]' then translate({{ column }}, '+.,''"’()/«»“”„', '&')
                else {{ column }}
            end
        )
{%- endmacro %}
