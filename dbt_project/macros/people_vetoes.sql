{#-
    What speaks against two CRM people being one, as boolean columns; `one` and `other` are aliases of int_crm_people_identified.
    'J. Doe' and 'Jane Doe' may be one person, 'John Doe' and 'Jane Doe' not.
-#}
{% macro people_vetoes(one, other) -%}
        -- a member id and a name of the same profile look different and need not be
        coalesce(
            {{ one }}.linkedin_slug <> {{ other }}.linkedin_slug
            and ({{ one }}.linkedin_slug ~ '^AC[ow]AA') = ({{ other }}.linkedin_slug ~ '^AC[ow]AA'),
            false
        ) as has_other_linkedin,
        coalesce(
            {{ one }}.name_key <> {{ other }}.name_key
            and (
                not (
                    starts_with({{ one }}.first_name_key, {{ other }}.first_name_key)
                    or starts_with({{ other }}.first_name_key, {{ one }}.first_name_key)
                )
                or not (
                    starts_with({{ one }}.last_name_key, {{ other }}.last_name_key)
                    or starts_with({{ other }}.last_name_key, {{ one }}.last_name_key)
                )
            ),
            false
        ) as has_other_name
{%- endmacro %}
