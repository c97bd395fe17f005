{% test jsonb_shape(model, column_name, keys=none, texts=none) %}

-- Fails for each non-null value that is not an object with exactly `keys`, or (without `keys`) not a list of non-empty texts.
-- `texts` names keys whose value is a text or null.
select {{ column_name }}
from {{ model }}
where
    {% if keys is none -%}
    case
        when jsonb_typeof({{ column_name }}) = 'array'
            then jsonb_path_exists({{ column_name }}, '$[*] ? (@.type() != "string" || @ == "")')
        else {{ column_name }} is not null
    end
    {%- else -%}
    case
        when jsonb_typeof({{ column_name }}) = 'object'
            then
                not {{ column_name }} ?& array[{% for key in keys %}{{ sql_text(key) }}{{ ', ' if not loop.last }}{% endfor %}]
                or {{ column_name }} - array[{% for key in keys %}{{ sql_text(key) }}{{ ', ' if not loop.last }}{% endfor %}] <> '{}'
                {%- for key in texts or [] %}
                or jsonb_typeof({{ column_name }} -> {{ sql_text(key) }}) not in ('string', 'null')
                {%- endfor %}
        else {{ column_name }} is not null
    end
    {%- endif %}

{% endtest %}
