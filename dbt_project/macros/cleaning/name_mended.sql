{#-
    A name that shouts, in ordinary case: 'WUNDERGROUND' -> 'Wunderground', 'KASAPUR IT SERVICES' -> 'Kasapur IT Services'.
    Acronyms stay: words with a digit or `&`, without a vowel, a single word of up to four letters, and among several words
    those of two or three letters that are no common words. A name with a small letter in it is its owner's own spelling.
-#}
{% macro name_mended(column) -%}
case
    when {{ column }} = upper({{ column }}) and {{ column }} <> lower({{ column }}) and {{ column }} ~ '[[:alpha:]]{4}'
        then (
            select
                string_agg(
                    case
                        when spoken.word ~ '[0-9&]' or spoken.word !~ '[^BCDFGHJKLMNPQRSTVWXZ[:punct:]]' then spoken.word
                        when length(spoken.word) <= 4 and position(' ' in {{ column }}) = 0 then spoken.word
                        when length(spoken.word) <= 3 and lower(spoken.word) in ('and', 'of', 'the', 'for', 'in', 'on', 'at', 'to', 'by') then case when spoken.place = 1 then initcap(spoken.word) else lower(spoken.word) end
                        when length(spoken.word) <= 3 and lower(spoken.word) not in ('new', 'big', 'red', 'one', 'all', 'art', 'air', 'sun', 'sea', 'car', 'bay', 'my', 'we', 'go', 'pro', 'lab', 'web', 'app', 'bio', 'eco', 'san', 'los', 'las', 'de', 'la', 'du', 'le', 'van', 'von', 'old', 'toy', 'pet', 'job', 'oil', 'gas', 'ice', 'tea', 'box', 'fox', 'key', 'sky') then spoken.word
                        else regexp_replace(initcap(spoken.word), '([’''])S\M', '\1s', 'g')
                    end,
                    ' ' order by spoken.place
                )
            from string_to_table({{ column }}, ' ') with ordinality as spoken (word, place)
        )
    else {{ column }}
end
{%- endmacro %}
