{#-
    Whether a word that is spelled like a legal form is meant as one. By the seed's column `written`:
      any     always
      upper   in capitals or with dots inside: 'Software AG', not 'Indigo Ag'
      mixed   with dots inside, as 'SpA', behind a comma, or in capitals while the rest is not: 'Bolt AS', not 'Red Door Spa'
      dotted  with a dot: 'Kubuds Co.', not 'Zip Co'
    Two capitals behind a comma can be a state: 'City of Aurora, CO'.

    words: an array of the name's words as written.  place: where in it the form's last word stands.
-#}
{% macro legal_form_is_meant(words, place) -%}
{%- set word = words ~ '[' ~ place ~ ']' -%}
{%- set behind_comma = words ~ '[' ~ place ~ " - 1] like '%,'" -%}
{%- set rest = 'array_to_string(' ~ words ~ '[:' ~ place ~ " - 1], ' ')" -%}
case
            when {{ behind_comma }} and {{ word }} in ('AB', 'AL', 'AS', 'CO', 'KS', 'NV', 'PC', 'SA', 'SC') then false
            when legal_forms.written = 'any' then true
            when legal_forms.written = 'upper' then {{ word }} = upper({{ word }}) or {{ word }} ~ '[./].'
            when legal_forms.written = 'dotted' then {{ word }} like '%.%'
            else
                {{ word }} ~ '[./].'
                or {{ word }} = 'SpA'
                or {{ behind_comma }}
                or ({{ word }} = upper({{ word }}) and {{ rest }} != upper({{ rest }}))
        end
{%- endmacro %}

{#- Never empty because of a legal form at the end: 'SAS', 'Inc.' and 'The Limited' are names. -#}
{% macro names_more_than_a_form() -%}
names.last_kept - legal_forms.word_count >= names.first_kept
            and array_to_string(names.keys[names.first_kept:names.last_kept - legal_forms.word_count], ' ')
            not in ('the', 'a', 'an', 'la', 'le', 'el', 'and', '&')
{%- endmacro %}
