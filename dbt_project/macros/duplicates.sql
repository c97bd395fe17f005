{#-
    What speaks against two CRM companies being one, as boolean columns; `one` and `other` are aliases of
    int_crm_companies_identified. Shared by the pairs and by the check inside the clusters.
-#}
{% macro company_vetoes(one, other) -%}
        -- a numeric id and a name of the same page look different and need not be
        coalesce(
            {{ one }}.linkedin_slug <> {{ other }}.linkedin_slug
            and ({{ one }}.linkedin_slug ~ '^\d+$') = ({{ other }}.linkedin_slug ~ '^\d+$'),
            false
        ) as has_other_linkedin,
        coalesce(
            not string_to_array({{ one }}.company_domains, ' ') && string_to_array({{ other }}.company_domains, ' '),
            false
        ) as has_other_domain,
        coalesce({{ one }}.name_key <> {{ other }}.name_key and {{ one }}.number_key <> {{ other }}.number_key, false)
            as has_other_number,
        coalesce({{ one }}.name_key <> {{ other }}.name_key and {{ one }}.division_key <> {{ other }}.division_key, false)
            as has_other_division
{%- endmacro %}

{#- Whether two keys differ by at most one letter: changed, added or left out. Both at least six letters long, the first the same. -#}
{% macro differs_by_one_letter(one, other) -%}
(
    length({{ one }}) >= 6
    and length({{ other }}) >= 6
    and abs(length({{ one }}) - length({{ other }})) <= 1
    and left({{ one }}, 1) = left({{ other }}, 1)
    and (
        select
            -- what both begin with and what both end with covers all but one letter of the longer
            max(place) filter (where left({{ one }}, place) = left({{ other }}, place))
            + coalesce(max(place) filter (where right({{ one }}, place) = right({{ other }}, place)), 0)
            >= greatest(length({{ one }}), length({{ other }})) - 1
        from generate_series(1, least(length({{ one }}), length({{ other }}))) as places (place)
    )
)
{%- endmacro %}

{#- The words of a text with each one's place from 1 on, as rows to be joined: `as listed (token, place)`. -#}
{% macro words_numbered(text) -%}
lateral regexp_split_to_table({{ text }}, '[^[:alnum:]]+') with ordinality
{%- endmacro %}

{#- The runs of digits in a text, as rows to be joined: `as numbers (digits)`. -#}
{% macro numbers_in(text) -%}
lateral (
    select found.parts[1] as digits from regexp_matches({{ text }}, '\d+', 'g') as found (parts)
)
{%- endmacro %}

{#- What stands behind the last 'of' in a name: the 'austin' of 'habitat for humanity of austin'; null without one. -#}
{% macro name_behind_of(name) -%}
substring({{ name }} from '\mof\s+(?!.*\mof\M)(.+)$')
{%- endmacro %}

{#- The first label of a domain, letters and digits only: 'acme-foods.co.uk' becomes 'acmefoods'. -#}
{% macro domain_label(domain) -%}
regexp_replace(split_part({{ domain }}, '.', 1), '[^a-z0-9]', '', 'g')
{%- endmacro %}
