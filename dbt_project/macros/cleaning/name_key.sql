{#-
    What names are compared by: folded, 'and' for '&' and '+', without a leading 'the', without punctuation, signs and
    blanks of any script. `column` is a cleaned name.
-#}
{% macro name_key(column) -%}
case
            -- plain letters need no folding
            when {{ column }} ~ '^[A-Za-z0-9][A-Za-z0-9 ]*$' and lower(left({{ column }}, 4)) != 'the ' then replace(lower({{ column }}), ' ', '')
            else
                regexp_replace(
                    regexp_replace(
                        replace(replace({{ fold_text(column) }}, '&', ' and '), '+', ' and '),
                        '^\s*the\s+(?=\S)', ''
                    ),
                    '[[:punct:][:space:]\u00a1-\u00bf\u2000-\u206f\u20a0-\u20cf\u2100-\u214f\u2190-\u2bff\u3000-\u303f'
                    '\ufe30-\ufe4f\uff00-\uff0f\uff1a-\uff20\uff5b-\uff65]+', '', 'g'
                )
        end
{%- endmacro %}
