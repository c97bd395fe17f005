{#- Every name of a company in every source, once, as a query. `union` drops the repeats; the million of people first. -#}
{% macro company_names_found() -%}
{%- for model, column in [
    (ref('stg_extracted__person_discovery'), 'latest_company'),
    (ref('stg_core__company_canonical'), 'original_name'),
    (ref('stg_core__company_canonical'), 'cleaned_name'),
    (ref('stg_extracted__companyenrich_company'), 'name'),
    (ref('stg_attio__companies'), 'name'),
] %}

    select distinct {{ column }} as name_raw -- noqa: AL09
    from {{ model }}
    where {{ column }} is not null
    {{- '\n\n    union' if not loop.last }}
{%- endfor %}
{%- endmacro %}
