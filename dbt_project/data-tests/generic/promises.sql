{% test promises(model, key=[], other_keys=[], never_null=[], cells={}) %}

-- What a table promises, asked in one look at it. Fails with a row for each promise that is broken: how many rows break it, and of one
-- of them the key and the cell.
{%- set keys = ([key] if key else []) + other_keys -%}
{%- set promises = [] -%}
{%- for column in key + never_null -%}
    {%- do promises.append((column, 'is never null', column ~ ' is null')) -%}
{%- endfor -%}
{%- for column, rules in cells.items() -%}
    {%- for rule, value in rules.items() -%}
        {%- do promises.append(promise_of_a_cell(column, rule, value)) -%}
    {%- endfor -%}
{%- endfor -%}
{%- if not keys and not promises %}{{ exceptions.raise_compiler_error('promises: give key, never_null or cells') }}{% endif %}
{%- for columns in keys %}
select
    {{ sql_text((columns | join(', ')) ~ ' stands in one row') }} as promise,
    count(*) as keys_or_rows,
    min(repeated.example) as example
from (
    -- nothing is counted where an index of the table's keeps the columns unique
    select concat_ws(', ', {{ columns | join(', ') }}) as example
    from {{ model }}
    where not {{ is_kept_unique(model, columns) }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
) as repeated
having count(*) > 0
{{ 'union all' if not loop.last or promises }}
{%- endfor %}
{%- if promises %}
select
    broken.promise,
    count(*) as keys_or_rows,
    min(broken.example) as example
from (
    select
        case
            {%- for column, promise, is_broken in promises %}
            when {{ is_broken }} then {{ sql_text(column ~ ' ' ~ promise) }}
            {%- endfor %}
        end as promise,
        left(concat_ws(
            ', ',
            {%- for column in key %}
            {{ column }},
            {%- endfor %}
            case
                {%- for column, _, is_broken in promises %}
                when {{ is_broken }} then {{ column }}::text
                {%- endfor %}
            end
        ), 200) as example
    from {{ model }}
    where
        {%- for _, _, is_broken in promises %}
        {{ is_broken }}{{ ' or' if not loop.last }}
        {%- endfor %}
) as broken
group by broken.promise
{%- endif %}

{% endtest %}
