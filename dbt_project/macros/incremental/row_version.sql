{#-
    Which version of its row a source table holds. `updated_at` alone is not enough: where its trigger is missing it stays, and rows
    that come late bring an old one. Postgres knows which transaction wrote a row (`xmin`); the time beside it tells apart rows of two
    databases, one restored from the other. Payloads carry the time they arrived at.
-#}
{% macro row_version(time='updated_at') -%}
xmin || '/' || coalesce(date_part('epoch', {{ time }})::text, '')
{%- endmacro %}
