{#- The first current value of an attribute in Attio's read shape (values: slug -> list); `key` is its type's main key. -#}
{% macro attio_value(slug, key='value') -%}
(values -> '{{ slug }}' -> 0 ->> '{{ key }}')
{%- endmacro %}

{#- All current values of an attribute as a jsonb list of strings; an empty list when there are none. -#}
{% macro attio_value_list(slug, key) -%}
jsonb_path_query_array(values, '$."{{ slug }}"[*]."{{ key }}"')
{%- endmacro %}

{#- Who wrote the current value: api-token, workspace-member, system or app. -#}
{% macro attio_written_by(slug) -%}
(values #>> '{ {{- slug -}} ,0,created_by_actor,type}')
{%- endmacro %}

{#- How many current values an attribute has; none where the mirror holds something that is no list. -#}
{% macro attio_value_count(slug) -%}
case when jsonb_typeof(values -> '{{ slug }}') = 'array' then jsonb_array_length(values -> '{{ slug }}') else 0 end
{%- endmacro %}
