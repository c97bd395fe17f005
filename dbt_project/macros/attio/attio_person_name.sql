{#-
    `personal-name`: Attio advises all three parts, each a text. A part that nobody stated is an empty text: taking a full name apart
    would be guessing. Null without a full name.
-#}
{% macro attio_person_name(first_name, last_name, full_name) -%}
case
    when {{ full_name }} is not null
        then jsonb_build_object(
            'first_name', coalesce({{ first_name }}, ''),
            'last_name', coalesce({{ last_name }}, ''),
            'full_name', {{ full_name }}
        )
end
{%- endmacro %}
