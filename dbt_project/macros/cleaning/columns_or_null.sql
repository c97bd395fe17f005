{#-
    Select `columns` (name: type) from a table of the owner's that may lack some of them: an absent column reads as null.

    A name that the table has is the table's; one that it lacks is found one level further out, in `absent`. That works in
    parse, in unit tests and in builds alike, and costs nothing.
-#}
{% macro columns_or_null(relation, columns) -%}
select found.*
    from (
        select
            {%- for name, type in columns.items() %}
            null::{{ type }} as {{ name }}{{ "," if not loop.last }}
            {%- endfor %}
    ) as absent
    cross join lateral (
        select
            {%- for name in columns %}
            {{ name }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ relation }}
    ) as found
{%- endmacro %}
