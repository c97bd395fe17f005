{% test not_blank(model, column_name) %}

-- Fails for each text that is there and says nothing: empty, or blanks only. Null is allowed: it says that nobody knows.
select {{ column_name }}
from {{ model }}
where btrim({{ column_name }}, E' \t\n\r\u00a0') = ''

{% endtest %}
