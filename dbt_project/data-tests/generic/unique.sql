{% test unique(model, column_name) %}

-- Fails for each value that stands in several rows, as dbt's own does. Nothing is counted where an index of the table's keeps the
-- column unique.
select
    {{ column_name }} as unique_field,
    count(*) as n_records
from {{ model }}
where {{ column_name }} is not null and not {{ is_kept_unique(model, [column_name]) }}
group by {{ column_name }}
having count(*) > 1

{% endtest %}
