{% test matches_regex(model, column_name, pattern) %}

-- Fails for each non-null value that does not match `pattern` (POSIX, as a whole only where the pattern says so).
select {{ column_name }}
from {{ model }}
where {{ column_name }} !~ {{ sql_text(pattern) }}

{% endtest %}
