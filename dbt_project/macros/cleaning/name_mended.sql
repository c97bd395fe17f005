{#-
    A name whose whole cell shouts, in ordinary case: 'WUNDERGROUND LLC' -> 'Wunderground', 'KASAPUR IT SERVICES' -> 'Kasapur IT
    Services'. A cell of one word may be how its owner spells it ('NVIDIA', 'IQVIA': most such names of real companies are), and
    one with a small letter anywhere is ('OSNEXUS Corporation').
    Acronyms stay: words with a digit or `&`, words without a vowel, a lone word of up to four letters, and among several
    words those of up to three letters that are no common words.
-#}
{% macro name_mended(column, cell) -%}
{%- set little = "('and', 'of', 'the', 'for', 'in', 'on', 'at', 'to', 'by')" -%}
{%- set short = "('new', 'big', 'red', 'one', 'all', 'art', 'air', 'sun', 'sea', 'car', 'bay', 'my', 'we', 'go', 'pro',"
    ~ " 'lab', 'web', 'app', 'bio', 'eco', 'san', 'los', 'las', 'de', 'la', 'du', 'le', 'van', 'von', 'old', 'toy', 'pet',"
    ~ " 'job', 'oil', 'gas', 'ice', 'tea', 'box', 'fox', 'key', 'sky', 'oak', 'win', 'zen', 'our', 'you', 'bee', 'ace', 'day',"
    ~ " 'way')" -%}
case
            when
                {{ column }} = upper({{ column }})
                and {{ column }} != lower({{ column }})
                and {{ cell }} !~ '[a-z]'
                and btrim({{ cell }}) like '% %'
                and {{ column }} ~ '[[:alpha:]]{4}'
                then (
                    select
                        string_agg(
                            case
                                when spoken.word ~ '[0-9&]' then spoken.word
                                when spoken.word !~ '[^BCDFGHJKLMNPQRSTVWXZ[:punct:]]' then spoken.word
                                when length(spoken.word) <= 4 and position(' ' in {{ column }}) = 0 then spoken.word
                                when lower(spoken.word) in {{ little }} and spoken.place > 1 then lower(spoken.word)
                                when
                                    length(spoken.word) <= 3
                                    and lower(spoken.word) not in {{ little }}
                                    and lower(spoken.word) not in {{ short }}
                                    then spoken.word
                                else regexp_replace(initcap(spoken.word), '([’''])S\M', '\1s', 'g')
                            end,
                            ' ' order by spoken.place
                        )
                    from string_to_table({{ column }}, ' ') with ordinality as spoken (word, place)
                )
            else {{ column }}
        end
{%- endmacro %}
