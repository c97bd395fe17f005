{#-
    The host in a cell: what is before it (scheme, credentials, the name of a mail address) and behind it (port, path, query)
    goes, and `www.`. The first word counts, list separators part words, a backslash is a slash as in browsers. Split first, one cheap pattern at the end.
-#}
{% macro host_of(column) -%}
case
            -- a host and nothing else, as in most cells
            when {{ column }} ~ '^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$' and {{ column }} not like 'www.%' then {{ column }}
            else
                regexp_replace(
                    rtrim(
                        split_part(
                            reverse(split_part(reverse(
                                split_part(split_part(split_part(split_part(
                                    regexp_replace(
                                        ltrim(translate(lower({{ clean_text(column) }}), '\,;|<>"', '/      ')),
                                        '^([a-z][a-z0-9+.-]*:)?/{2,}', ''
                                    ),
                                    '/', 1
                                ), '?', 1), '#', 1), ' ', 1)
                            ), '@', 1)),
                            ':', 1
                        ),
                        '.'
                    ),
                    '^(www\.)+', ''
                )
        end
{%- endmacro %}

{#-
    True for two or more labels of letters, digits, `-` or `_`, the last one no number. Beyond ASCII everything counts as a
    letter (Indic names hold combining marks): only what ends below a known suffix becomes a domain.
-#}
{% macro is_host(column) -%}
{%- set inside = '[^\s\u0001-,./:-@\[-^`{-\u007f]' -%}
{%- set letter = '[^\s\u0001-/:-@\[-^`{-\u007f]' -%}
case
            when {{ column }} ~ '^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$' and length({{ column }}) <= 63 then true
            else
                {{ column }} ~ '^(?:{{ letter }}(?:{{ inside }}*{{ letter }})?\.)+{{ inside }}*[^\s\u0001-@\[-^`{-\u007f_]{{ inside }}*$'
                and length({{ column }}) <= 253
                and {{ column }} !~ '[^.]{64}'
        end
{%- endmacro %}
