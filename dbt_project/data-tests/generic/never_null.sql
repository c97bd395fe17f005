{% test never_null(model, columns) %}

-- Fails for each row where one of `columns` is null. One look at the table for all of them.
select {{ columns | join(', ') }}
from {{ model }}
where
    {%- for column in columns %}
    {{ column }} is null{{ ' or' if not loop.last }}
    {%- endfor %}

{% endtest %}
