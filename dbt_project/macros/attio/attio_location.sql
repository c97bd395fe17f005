{#-
    `location`: Attio refuses a write that lacks one of the ten keys, and wants latitude and longitude as text. Null when neither
    place, region nor country is known: coordinates alone are no address.
-#}
{% macro attio_location(locality, region, country_code, latitude='null', longitude='null') -%}
case
    when coalesce({{ locality }}, {{ region }}, {{ country_code }}) is not null
        then jsonb_build_object(
            'line_1', null,
            'line_2', null,
            'line_3', null,
            'line_4', null,
            'locality', {{ locality }},
            'region', {{ region }},
            'postcode', null,
            'country_code', {{ country_code }},
            'latitude', trim_scale(round({{ latitude }}::numeric, 6))::text,
            'longitude', trim_scale(round({{ longitude }}::numeric, 6))::text
        )
end
{%- endmacro %}
