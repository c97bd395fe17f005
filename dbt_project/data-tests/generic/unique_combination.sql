{% test unique_combination(model, columns) %}

-- Fails for each combination of `columns` that stands in more than one row. Nulls count as equal. Where an index of the table's keeps
-- the columns unique, only the rows with nulls are counted.
select
    {{ columns | join(',\n    ') }},
    count(*) as row_count
from {{ model }}
where
    not {{ is_kept_unique(model, columns) }}
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
