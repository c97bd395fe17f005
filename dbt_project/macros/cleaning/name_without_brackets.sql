{#- A name without the brackets at its end: '(fka X)', '[YC W21]', also unclosed ones; whole where nothing else is left. -#}
{% macro name_without_brackets(column) -%}
case
    when position('(' in {{ column }}) > 0 or position('[' in {{ column }}) > 0
        then
            coalesce(
                substring({{ column }} from '^(.*?[[:alnum:]].*?)\s*(?:\s*(?:\([^()]*\)|\[[^\[\]]*\]))+$'),
                substring({{ column }} from '^(.*?[[:alnum:]].*?)\s+[(\[][^()\[\]]*$'),
                {{ column }}
            )
    else {{ column }}
end
{%- endmacro %}
