{% test unique_combination(model, columns) %}

-- Fails for each combination of `columns` that stands in more than one row. Nulls count as equal.
select
    {{ columns | join(',\n    ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
