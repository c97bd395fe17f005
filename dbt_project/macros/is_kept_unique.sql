{#- Whether an index keeps columns of a table unique. A condition without a column: it is asked once, before the first row is read. -#}
{% macro is_kept_unique(model, columns) -%}
exists (
        select
        from pg_index
        where
            indrelid = {{ 'null' if '(' in model | string else 'to_regclass(' ~ sql_text(model | string) ~ ')' }}
            and indisunique
            and indisvalid
            and indpred is null
            and indnatts = {{ columns | length }}
            and (
                select array_agg(pg_attribute.attname::text order by pg_attribute.attname::text collate "C")
                from pg_attribute
                where pg_attribute.attrelid = indrelid and pg_attribute.attnum = any(indkey)
            ) = array[{% for column in columns | sort %}{{ sql_text(column) }}{{ ', ' if not loop.last }}{% endfor %}]
    )
{%- endmacro %}
