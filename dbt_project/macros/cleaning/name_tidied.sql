{#-
    A company's name as people would write it down: HTML's escapes read, marks of trade and quotes around it off, what is
    behind a `|` off, every blank one blank, a comma followed by one. Never blank unless the cell is.
-#}
{% macro name_tidied(column) -%}
case
            -- words of plain letters, one blank between them: most names, and nothing to do
            when {{ column }} ~ '^[A-Za-z0-9.&()/-]+(?:,? [A-Za-z0-9.&()/-]+)*$' then {{ column }}
            else
                coalesce(
                    nullif(btrim(
                        regexp_replace(
                            regexp_replace(
                                split_part(
                                    ltrim(normalize(translate({{ name_unquoted(html_unescaped(column)) }}, '®™©℠', ''), nfc), ' |'),
                                    '|', 1
                                ),
                                ',(?=[[:alpha:]])', ', ', 'g'
                            ),
                            '\s+', ' ', 'g'
                        ),
                        ' "“”„«»`,;'
                    ), ''),
                    btrim({{ column }})
                )
        end
{%- endmacro %}

{#- A name without the apostrophes around it; those of "Ben & Jerry's" and "'t Hof" stay. -#}
{% macro name_unquoted(column) -%}
regexp_replace({{ column }}, '^\s*''([^'']+)''\s*$', '\1')
{%- endmacro %}

{#- The escapes that names come with; others stay. -#}
{% macro html_unescaped(column) -%}
{%- set text = namespace(sql=column) -%}
{%- for escape, character in [
    ('&nbsp;', "' '"), ('&quot;', "'\"'"), ('&#34;', "'\"'"), ('&#39;', "''''"), ('&#x27;', "''''"), ('&apos;', "''''"),
    ('&lt;', "'<'"), ('&gt;', "'>'"), ('&#38;', "'&'"), ('&#038;', "'&'"), ('&amp;', "'&'"),
] -%}
    {%- set text.sql = 'replace(' ~ text.sql ~ ", '" ~ escape ~ "', " ~ character ~ ')' -%}
{%- endfor -%}
case when {{ column }} like '%&%;%' then {{ text.sql }} else {{ column }} end
{%- endmacro %}
