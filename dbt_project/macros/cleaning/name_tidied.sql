{#-
    A company's name as people would write it down: HTML's escapes read, marks of trade and quotes around it off, what is
    behind a `|` off, every blank one blank, a comma followed by one. Never blank unless the cell is.
-#}
{% macro name_tidied(column) -%}
coalesce(
        nullif(btrim(regexp_replace(
            regexp_replace(
                split_part(
                    ltrim(normalize(translate({{ html_unescaped(column) }}, '®™©℠', ''), nfc), ' |'),
                    '|', 1
                ),
                ',(?=[[:alpha:]])', ', ', 'g'
            ),
            '\s+', ' ', 'g'
        ), ' "“”„«»`,;'), ''),
        btrim({{ column }})
    )
{%- endmacro %}

{#- The five escapes of XML and the most common of HTML; others stay. -#}
{% macro html_unescaped(column) -%}
case
    when {{ column }} like '%&%;%'
        then replace(replace(replace(replace(replace(replace(replace({{ column }}, '&nbsp;', ' '), '&quot;', '"'), '&#39;', ''''), '&apos;', ''''), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')
    else {{ column }}
end
{%- endmacro %}
