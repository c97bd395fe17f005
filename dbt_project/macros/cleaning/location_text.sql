{#- The steps of int_location_texts_prepared, in their order. In what they give, ';' parts places from each other and ','
    parts the words of one place. -#}

{#- The part of a text that is read as places. -#}
{% macro location_readable(text) -%}
case
    when length({{ text }}) <= 250 then {{ text }}
    -- a list of places is read from its start, as far as a place is whole
    when {{ text }} ~ '^[^;]{2,60};[^;]{2,60};[^;]{2,60};' then substring(left({{ text }}, 250) from '^(.*);')
    -- a text that long is prose, and prose names places for many reasons
    else ''
end
{%- endmacro %}

{#- Whether a text says that there is no remote work. -#}
{% macro location_is_not_remote(text) -%}
{{ text }} ~* '\m(no|not|non|never|isn.?t)[ -]+(fully |a )?(remote|wfh)\M'
{%- endmacro %}

{#- Emoji go; a flag becomes the word 'flag' and its two letters; a pin, an arrow, a bullet or an aeroplane stands between
    places. Only texts that have any pay for it. -#}
{% macro location_without_emoji(text) -%}
case
    when {{ text }} ~ U&'[\2190-\2BFF\+01F000-\+01FAFF]'
        then regexp_replace(
            translate(
                regexp_replace(
                    regexp_replace(
                        {{ text }},
                        U&'[\2190-\21FF\25A0-\25FF\2708\2794-\27BF\+01F449\+01F4CC\+01F4CD\+01F6E9-\+01F6EC]',
                        ' ; ',
                        'g'
                    ),
                    U&'([\+01F1E6-\+01F1FF])([\+01F1E6-\+01F1FF])',
                    ', flag \1\2;',
                    'g'
                ),
                U&'\+01F1E6\+01F1E7\+01F1E8\+01F1E9\+01F1EA\+01F1EB\+01F1EC\+01F1ED\+01F1EE'
                || U&'\+01F1EF\+01F1F0\+01F1F1\+01F1F2\+01F1F3\+01F1F4\+01F1F5\+01F1F6\+01F1F7'
                || U&'\+01F1F8\+01F1F9\+01F1FA\+01F1FB\+01F1FC\+01F1FD\+01F1FE\+01F1FF',
                'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
            ),
            U&'[\2190-\2BFF\+01F000-\+01FAFF\FE0F\200D\+0E0020-\+0E007F]+',
            ' ',
            'g'
        )
    else {{ text }}
end
{%- endmacro %}

{#- 'Pollenza (MC), Italy' goes on behind its brackets; 'Leuven (BE), London (UK)' is a list. -#}
{% macro location_through_brackets(text) -%}
case
    when
        {{ text }} like '%),%' and {{ text }} not like '%(%(%' and {{ text }} not like '%),%,%'
        and {{ text }} ~ '[(][A-Z]{2,3}[)],' and {{ text }} !~ '[(](UK|GB|US|USA|UAE)[)],'
        then replace({{ text }}, '),', ',')
    else {{ text }}
end
{%- endmacro %}

{#- 'Product ManagerIsrael', '2026LocationHaifa', 'HaifaIn-direct', 'HaifaC++': what a scraper glued together. 'DeKalb' and
    'McKinney' are names. -#}
{% macro location_unglued(text) -%}
case
    when {{ text }} ~ '([[:lower:]]{4}|\d)[[:upper:]]'
        then regexp_replace(
            {{ text }},
            '([[:lower:]]{4}|\d)(?=[[:upper:]](?:[[:lower:]]{3}|[[:lower:]][''’]|[+#/&]))|([[:lower:]]{5})(?=[[:upper:]])',
            '\1\2, ',
            'g'
        )
    else {{ text }}
end
{%- endmacro %}

{#- Bullets, bars, slashes, brackets, double dashes, "or" and "via" part places; the commas of other scripts are commas. -#}
{% macro location_separated(text) -%}
{%- set separated -%}
translate({{ location_in_east_asia_separated(text) }}, E'\n\r\t•·●▪|/→)]([、，；', ';;;;;;;;;;;;,,,,;')
{%- endset -%}
case
    when {{ text }} like any (array['% or %', '% OR %', '% Or %', '% via %', '%+%', '%--%'])
        then regexp_replace({{ separated }}, '\s+(?:or|OR|Or|via|\+)\s+|--+', ' ; ', 'g')
    else {{ separated }}
end
{%- endmacro %}

{#- '广东省深圳市' and '中国 上海' have no commas: a country, a province or a city with a province's rights ends there. -#}
{% macro location_in_east_asia_separated(text) -%}
{%- set ends = '中国(?!地方)|日本|東京都|北海道|(?:北京|上海|天津|重庆)市|[\u4e00-\u9fff]{2,3}(?:省|県|府|自治区)' -%}
case
    when {{ text }} ~ '[\u3040-\u9fff\uac00-\ud7a3]'
        then regexp_replace(
            regexp_replace(
                {{ text }}, '([\u3040-\u9fff\uac00-\ud7a3]) +(?=[\u3040-\u9fff\uac00-\ud7a3])', '\1, ', 'g'
            ),
            '({{ ends }})(?=[\u4e00-\u9fff])', '\1, ', 'g'
        )
    else {{ text }}
end
{%- endmacro %}

{#- '- Austin, TX - Boston, MA' lists places, 'Austin - Texas - USA' is one. -#}
{% macro location_without_dashes(text) -%}
case
    when {{ text }} ~ '(^\s*[-*#]|\s[-–—*]+\s|:|[.)] )'
        then regexp_replace(
            regexp_replace(
                regexp_replace(btrim({{ text }}, ' -*#'), '(\m[[:alpha:]]{4,}|\m[A-Z]{2,3})[.]+ ', '\1, ', 'g'),
                '\s[-–—]+\s',
                case when position(',' in {{ text }}) > 0 or {{ text }} ~ '^\s*[-*#]' then ' ; ' else ' , ' end,
                'g'
            ),
            '\s?[*#:]+\s|(?:^|\s)\d{1,2}[.)]\s',
            ' ; ',
            'g'
        )
    else {{ text }}
end
{%- endmacro %}

{#- "Headquarters are in Austin with studios in Reno": what stands before the first "in" is no place, nor how it goes on. -#}
{% macro location_without_lead(text) -%}
case
    when
        position(' in ' in {{ text }}) > 0
        and {{ text }} ~* '\m(headquarter\w*|hq|based|located|offices?|team|remote|live|living)\M'
        then regexp_replace(
            regexp_replace({{ text }}, '^.*? in (?:the )?', ''),
            '\s(?:with|which|where|but|while|and (?:is|are|has|have|we)|that)\s',
            ' ; ',
            'g'
        )
    else {{ text }}
end
{%- endmacro %}

{#- In a `group by`: what parts places as "and" does, but for the words that go on a name: 'Newfoundland and Labrador'. -#}
{% macro location_and_pattern(words) -%}
'\s+(?:and|&)\s+(?!(?:' || string_agg({{ words }}, '|' order by {{ words }}) || ')\M)'
{%- endmacro %}

{#- 'Austin, TX Chicago, IL': two capitals or 'USA' after a comma and a new word after them are the end of a place. -#}
{% macro location_with_states_closed(text) -%}
case
    when {{ text }} ~ ', ?([A-Z]{2}|USA) [A-Z][a-z]'
        then regexp_replace(
            {{ text }},
            ', ?([A-Z]{2}|USA) (?!Area|Metro|Region|United|America|Canada|India)(?=[A-Z][a-z])',
            ', \1 ; ',
            'g'
        )
    else {{ text }}
end
{%- endmacro %}
