{#- A company's name as its key sees it: folded, `&` as `and`, letters and digits of any script only. -#}
{% macro name_key(column) -%}
regexp_replace(replace({{ fold_text(column) }}, '&', 'and'), '[^[:alnum:]]+', '', 'g')
{%- endmacro %}

{#- The few HTML entities that names come with. -#}
{% macro without_html_entities(column) -%}
replace(replace(replace(replace(replace(replace(replace({{ column }}, '&amp;', '&'), '&#39;', ''''), '&#x27;', ''''), '&apos;', ''''), '&quot;', '"'), '&nbsp;', ' '), '&#038;', '&')
{%- endmacro %}

{#- One word of a name as the legal forms know it: folded, without punctuation; `G.m.b.H.` is gmbh. -#}
{% macro word_key(column) -%}
regexp_replace({{ fold_text(column) }}, '[^[:alnum:]]+', '', 'g')
{%- endmacro %}
