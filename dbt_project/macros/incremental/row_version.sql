{#-
    Which version of its row a source table holds. `updated_at` alone is not enough: where its trigger is missing it stays, and rows
    that come late bring an old one. Postgres knows which transaction wrote a row (`xmin`); the time beside it tells apart rows of two
    databases, one restored from the other.
-#}
{% macro row_version() -%}
xmin || '/' || coalesce(extract(epoch from updated_at)::text, '')
{%- endmacro %}
