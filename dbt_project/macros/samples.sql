{#-
    Samples of what a rule did, the same ones at every build: each cell that it nulled or changed lies in one of five drawers, and the
    first of each drawer is a sample.
-#}
{% macro drawer_of(found, became) -%}
case when coalesce({{ found }} != {{ became }}, true) then abs(hashtext({{ found }})::bigint) % 5 end
{%- endmacro %}

{#- What a cell became, for people to read; what it was nulled for, where nothing is left of it. -#}
{% macro sample_of(found, became, reason) -%}
case
            when coalesce({{ found }} != {{ became }}, true)
                then (
                    {{ beginning_of_text(found, 80) }}
                    || coalesce(' → ' || {{ beginning_of_text(became, 80) }}, ' (' || {{ reason }} || ')', '')
                ) collate "C"
        end
{%- endmacro %}

{#- In a `group by`: the first sample of each of the five drawers, of the rows where the condition holds; a list of expressions. -#}
{% macro samples_where(condition) -%}
{%- set samples = [] -%}
{%- for drawer in range(5) -%}
    {%- do samples.append("min(sample) filter (where " ~ condition ~ " and drawer = " ~ drawer ~ ")") -%}
{%- endfor -%}
{{ return(samples) }}
{%- endmacro %}
