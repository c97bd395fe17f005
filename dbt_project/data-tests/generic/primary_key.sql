{% test primary_key(model, column_name) %}

-- Fails for each null and for each value that stands in several rows: dbt's `not_null` and `unique` in one look at the table. Nothing
-- is counted where an index of the table's keeps the column unique.
select
    {{ column_name }},
    count(*) as n_records
from {{ model }}
where {{ column_name }} is null or not {{ is_kept_unique(model, [column_name]) }}
group by {{ column_name }}
having {{ column_name }} is null or count(*) > 1

{% endtest %}
