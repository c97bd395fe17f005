{#-
    Select `columns` (name: type) from a table of the owner's that may lack some of them, or have them of another type: an
    absent column reads as null, and so does a value that is none of the type wanted. Keys (uuid) stay as they are.

    A name that the table has is the table's; one that it lacks is found one level further out, in `absent`. That works in
    parse, in unit tests and in builds alike, and costs nothing; nor does a column that has its type already (see the
    functions of migration 0009).
-#}
{% macro columns_or_null(relation, columns) -%}
{%- set readers = {
    'timestamp with time zone': 'core.timestamptz_or_null', 'date': 'core.date_or_null', 'numeric': 'core.numeric_or_null',
    'double precision': 'core.float_or_null', 'integer': 'core.integer_or_null', 'boolean': 'core.boolean_or_null',
    'jsonb': 'to_jsonb',
} -%}
select found.*
    from (
        select
            {%- for name, type in columns.items() %}
            null::{{ type }} as {{ name }}{{ "," if not loop.last }}
            {%- endfor %}
    ) as absent
    cross join lateral (
        select
            {%- for name, type in columns.items() %}
            {%- if type in readers %}
            {{ readers[type] }}({{ name }}) as {{ name }}
            {%- elif type == 'text' %}
            {{ name }}::text as {{ name }}
            {%- else %}
            {{ name }}
            {%- endif %}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ relation }}
    ) as found
{%- endmacro %}
