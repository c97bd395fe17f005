{{ config(post_hook="analyze {{ this }}") }}

with

strings as (

    select * from {{ ref('int_location_strings') }}

),

noise as (

    select
        kind,
        -- what people typed into the seed is text, not a pattern
        '\m(' || string_agg(
            regexp_replace(phrase, '([^[:alnum:] ])', '\\\1', 'g'), '|' order by length(phrase) desc, phrase
        ) || ')\M' as pattern
    from {{ ref('location_noise') }}
    where kind in ('remote', 'filler', 'job_word')
    group by kind

),

-- 'Newfoundland and Labrador' is one place: what follows "and" in a name of the gazetteer does not start a new one.
words_after_and as (

    select '\s+(?:and|&)\s+(?!(?:' || string_agg(word, '|' order by word) || ')\M)' as pattern
    from (
        select distinct substring(lower(name) from ' and (\w+)') as word
        from (
            select country_name as name
            from {{ ref('stg_reference__gazetteer_countries') }}
            union all
            select region
            from {{ ref('stg_reference__gazetteer_regions') }}
            union all
            select split_part(subdivision_name, ',', 1)
            from {{ ref('stg_reference__gazetteer_subdivisions') }}
        ) as named
        where name ilike '% and %'
    ) as words
    where word ~ '^[a-z]+$'

),

patterns as (

    select
        max(pattern) filter (where kind = 'remote') as remote_pattern,
        max(pattern) filter (where kind = 'filler') as filler_pattern,
        max(pattern) filter (where kind = 'job_word') as job_word_pattern
    from noise

),

told_remote as materialized (

    select
        strings.location_raw,
        strings.location_raw ~* patterns.remote_pattern
        and not strings.location_raw ~* '\m(no|not|non|never|isn.?t)[ -]+(fully |a )?(remote|wfh)\M' as is_remote,
        case
            when length(strings.location_raw) <= 250 then strings.location_raw
            -- a list of places is read from its start, as far as a place is whole
            when strings.location_raw ~ '^[^;]{2,60};[^;]{2,60};[^;]{2,60};'
                then substring(left(strings.location_raw, 250) from '^(.*);')
            -- a text that long is prose, and prose names places for many reasons
            else ''
        end as readable
    from strings
    cross join patterns

),

-- Emoji go; a flag becomes the word 'flag' and its two letters; a pin, an arrow, a bullet or an aeroplane stands between
-- places. Only texts that have any pay for it.
without_emoji as materialized (

    select
        location_raw,
        is_remote,
        case
            when readable ~ U&'[\2190-\2BFF\+01F000-\+01FAFF]'
                then regexp_replace(
                    translate(
                        regexp_replace(
                            regexp_replace(
                                readable,
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
            else readable
        end as readable
    from told_remote

),

-- 'Product ManagerIsrael', '2026LocationHaifa', 'HaifaIn-direct': what a scraper glued together. 'DeKalb' and 'McKinney'
-- are names.
unglued as (

    select
        location_raw,
        is_remote,
        case
            when readable ~ '([[:lower:]]{4}|\d)[[:upper:]][[:lower:]]'
                then regexp_replace(
                    readable,
                    '([[:lower:]]{4}|\d)(?=[[:upper:]][[:lower:]]{3})|([[:lower:]]{5})(?=[[:upper:]][[:lower:]])',
                    '\1\2, ',
                    'g'
                )
            else readable
        end as readable
    from without_emoji

),

-- ';' parts places from each other, ',' parts the words of one place.
separated as materialized (

    select
        location_raw,
        is_remote,
        regexp_replace(
            translate(readable, E'\n\r\t•·●▪|/→)]([、，；', ';;;;;;;;;;;;,,,,;'),
            '\s+(?:or|OR|Or|\+)\s+',
            ' ; ',
            'g'
        ) as readable
    from unglued

),

without_dashes as materialized (

    select
        location_raw,
        is_remote,
        case
            when readable ~ '(^\s*[-*#]|\s[-–—*]+\s|:|[.)] )'
                -- '- Austin, TX - Boston, MA' lists places, 'Austin - Texas - USA' is one
                then regexp_replace(
                    regexp_replace(
                        regexp_replace(btrim(readable, ' -*#'), '(\m[[:alpha:]]{4,}|\m[A-Z]{2,3})[.]+ ', '\1, ', 'g'),
                        '\s[-–—]+\s',
                        case when position(',' in readable) > 0 or readable ~ '^\s*[-*#]' then ' ; ' else ' , ' end,
                        'g'
                    ),
                    '\s?[*#:]+\s|(?:^|\s)\d{1,2}[.)]\s',
                    ' ; ',
                    'g'
                )
            else readable
        end as readable
    from separated

),

-- 'Specialist Haifa Read more': a job's title is no place, and what it parts are two texts.
without_job_words as (

    select
        without_dashes.location_raw,
        without_dashes.is_remote,
        case
            when without_dashes.readable ~* patterns.job_word_pattern
                then regexp_replace(without_dashes.readable, patterns.job_word_pattern, ' ; ', 'gi')
            else without_dashes.readable
        end as readable
    from without_dashes
    cross join patterns

),

-- "Headquarters are in Austin with studios in Reno": what stands before the first "in" is no place, nor how it goes on.
without_lead as materialized (

    select
        location_raw,
        is_remote,
        case
            when
                position(' in ' in readable) > 0
                and readable ~* '\m(headquarter\w*|hq|based|located|offices?|team|remote|live|living)\M'
                then regexp_replace(
                    regexp_replace(readable, '^.*? in (?:the )?', ''),
                    '\s(?:with|which|where|but|while|and (?:is|are|has|have|we)|that)\s',
                    ' ; ',
                    'g'
                )
            else readable
        end as readable
    from without_job_words

),

without_noise as materialized (

    select
        without_lead.location_raw,
        without_lead.is_remote,
        regexp_replace(
            regexp_replace(
                case
                    when without_lead.is_remote
                        then regexp_replace(without_lead.readable, patterns.remote_pattern, ' ', 'gi')
                    else without_lead.readable
                end,
                patterns.filler_pattern,
                ' ',
                'gi'
            ),
            words_after_and.pattern,
            ' ; ',
            'gi'
        ) as readable
    from without_lead
    cross join patterns
    cross join words_after_and

),

-- 'Austin, TX Chicago, IL': two capitals after a comma and a new word after them are the end of a place.
one_place_between_semicolons as (

    select
        location_raw,
        is_remote,
        case
            when readable ~ ', ?[A-Z]{2} [A-Z][a-z]'
                then regexp_replace(
                    readable,
                    ', ?([A-Z]{2}) (?!Area|Metro|Region|United|America|Canada|India)(?=[A-Z][a-z])',
                    ', \1 ; ',
                    'g'
                )
            else readable
        end as readable
    from without_noise

)

select
    location_raw,
    readable as places_text,
    is_remote
from one_place_between_semicolons
