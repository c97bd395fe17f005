{#-
    The host in a cell: what is before it (scheme, credentials, the name of a mail address) and behind it (port, path, query)
    goes, and `www.`. The first word counts. Split first, one cheap pattern at the end.
-#}
{% macro host_of(column) -%}
regexp_replace(
            rtrim(
                split_part(
                    reverse(split_part(reverse(
                        split_part(split_part(split_part(split_part(
                            regexp_replace(lower({{ clean_text(column) }}), '^([a-z][a-z0-9+.-]*:)?[/\\]{2,}', ''),
                            '/', 1
                        ), '?', 1), '#', 1), ' ', 1)
                    ), '@', 1)),
                    ':', 1
                ),
                '.'
            ),
            '^(www\.)+', ''
        )
{%- endmacro %}

{#- True for two or more labels of letters, digits, `-` or `_`, the last one no number. Letters of any script are letters. -#}
{% macro is_host(column) -%}
{{ column }} ~ '^([[:alnum:]_]([[:alnum:]_-]{0,61}[[:alnum:]_])?\.)+[[:alnum:]-]*[[:alpha:]][[:alnum:]-]*$' and length({{ column }}) <= 253
{%- endmacro %}
