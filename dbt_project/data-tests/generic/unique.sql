{% test unique(model, column_name) %}

-- Fails for each value that stands in several rows, as dbt's own does. Nothing is counted where an index of the table's keeps the
-- column unique: a condition without a column is asked once, before the first row is read.
select
    {{ column_name }} as unique_field,
    count(*) as n_records
from {{ model }}
where
    {{ column_name }} is not null
    and not exists (
        select
        from pg_index
        inner join pg_attribute on pg_attribute.attrelid = indrelid and pg_attribute.attnum = indkey[0]
        where
            indrelid = to_regclass({{ sql_text(model | string if '(' not in model | string else '') }})
            and indisunique
            and indisvalid
            and indnkeyatts = 1
            and indpred is null
            and pg_attribute.attname = {{ sql_text(column_name) }}
    )
group by {{ column_name }}
having count(*) > 1

{% endtest %}
