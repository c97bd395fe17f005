{% test accepted_range(model, column_name, at_least=none, at_most=none) %}

-- Fails for each non-null value outside the bounds, which are allowed themselves. One bound may be left out.
{%- set wrong = [] -%}
{%- if at_least is not none %}{% do wrong.append(column_name ~ ' < ' ~ at_least) %}{% endif -%}
{%- if at_most is not none %}{% do wrong.append(column_name ~ ' > ' ~ at_most) %}{% endif %}
select {{ column_name }}
from {{ model }}
where {{ wrong | join(' or ') if wrong else exceptions.raise_compiler_error('accepted_range: give at_least, at_most or both') }}

{% endtest %}
