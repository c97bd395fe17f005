{% macro attio_scope() -%}
{%- if var('attio_scope') not in ('crm', 'all') -%}
    {{ exceptions.raise_compiler_error("var attio_scope is '" ~ var('attio_scope') ~ "': give crm or all") }}
{%- endif -%}
{{ return(var('attio_scope')) }}
{%- endmacro %}
