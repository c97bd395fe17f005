{#-
    Whether a word that is spelled like a legal form is meant as one. By the seed's column `written`:
      any     always
      upper   in capitals or with dots inside: 'Software AG', not 'Indigo Ag'
      mixed   with dots inside, behind a comma, as 'SpA', or in capitals while the rest is not: a word otherwise ('Red Door Spa')
      dotted  with a dot: 'Kubuds Co.', not 'Zip Co'
    Two capitals behind a comma can be a state: 'City of Aurora, CO'.
-#}
{% macro legal_form_is_meant(word, word_before, rest) -%}
case legal_forms.written
            when 'any' then not ({{ word_before }} like '%,' and {{ word }} in ('NV', 'AB', 'CO'))
            when 'upper' then ({{ word }} = upper({{ word }}) or {{ word }} ~ '[./].') and not ({{ word_before }} like '%,' and {{ word }} in ('AB', 'SA', 'SC', 'KS'))
            when 'mixed' then {{ word }} ~ '[./].' or {{ word }} = 'SpA' or ({{ word_before }} like '%,' and {{ word }} not in ('SC', 'AS', 'PC', 'AL')) or ({{ word }} = upper({{ word }}) and {{ rest }} <> upper({{ rest }}))
            when 'dotted' then {{ word }} like '%.%'
        end
{%- endmacro %}
