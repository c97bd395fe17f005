{#-
    Pre-hook of the models that join or group a row per person: with PostgreSQL's default of 4 MB their hash tables go to disk. For
    the model's own transaction only; the var `work_mem` is for machines with little or much memory.
-#}
{% macro room_for_hashing() -%}
set local work_mem = '{{ var("work_mem") }}'
{%- endmacro %}
