{#- What the reading of a text rests on comes first: whether texts must be read anew is asked here. -#}
-- depends_on: {{ ref('int_location_country_names') }}
-- depends_on: {{ ref('int_location_region_names') }}
-- depends_on: {{ ref('int_location_place_names') }}
-- depends_on: {{ ref('location_metros') }}
-- depends_on: {{ ref('location_territories') }}

with

-- The same text stands in many rows: it is read once, and once for all builds. In this table and the next ones stand the texts that
-- the last build read.
strings as (

    select distinct found.location_raw
    from {{ ref('int_location_strings') }} as found
    {{ unless_read_before('found.location_raw') }}

),

noise as (

    select
        kind,
        {{ any_of_phrases('phrase') }} as pattern,
        {{ traces_of_phrases('phrase') }} as traces
    from {{ ref('location_noise') }}
    where kind in ('remote', 'filler', 'job_word')
    group by kind

),

patterns as (

    select
        max(pattern) filter (where kind = 'remote') as remote_pattern,
        max(pattern) filter (where kind = 'filler') as filler_pattern,
        max(pattern) filter (where kind = 'job_word') as job_word_pattern,
        max(traces) filter (where kind = 'remote') as remote_traces,
        max(traces) filter (where kind = 'filler') as filler_traces,
        max(traces) filter (where kind = 'job_word') as job_word_traces
    from noise

),

names_with_and as (

    select country_name as name
    from {{ ref('stg_reference__gazetteer_countries') }}
    union all
    select region
    from {{ ref('stg_reference__gazetteer_regions') }}
    union all
    select split_part(subdivision_name, ',', 1)
    from {{ ref('stg_reference__gazetteer_subdivisions') }}
    union all
    select alias
    from {{ ref('location_region_aliases') }}

),

-- 'Newfoundland and Labrador' is one place: what follows "and" in a name of the gazetteer does not start a new one.
words_after_and as (

    select distinct {{ caught_in('lower(name)', ' and ([[:alnum:]_]+)') }} as word
    from names_with_and
    where lower(name) like '% and %'

),

and_pattern as (

    select {{ location_and_pattern('word') }} as pattern
    from words_after_and
    where {{ matches('word', '^[a-z]+$') }}

),

told_remote as materialized (

    select
        strings.location_raw,
        {{ says_any('strings.location_raw', 'patterns.remote_traces', 'patterns.remote_pattern') }}
        and not {{ location_is_not_remote('strings.location_raw') }} as is_remote,
        {{ location_readable('strings.location_raw') }} as readable
    from strings
    cross join patterns

),

without_emoji as materialized (

    select
        location_raw,
        is_remote,
        {{ location_without_emoji('readable') }} as readable
    from told_remote

),

unglued as materialized (

    select
        location_raw,
        is_remote,
        {{ location_unglued(location_through_brackets('readable')) }} as readable
    from without_emoji

),

separated as materialized (

    select
        location_raw,
        is_remote,
        {{ location_separated('readable') }} as readable
    from unglued

),

without_dashes as materialized (

    select
        location_raw,
        is_remote,
        {{ location_without_dashes('readable') }} as readable
    from separated

),

-- 'Specialist Haifa Read more': a job's title is no place, and what it parts are two texts.
without_job_words as materialized (

    select
        without_dashes.location_raw,
        without_dashes.is_remote,
        case
            when {{ says_any('without_dashes.readable', 'patterns.job_word_traces', 'patterns.job_word_pattern') }}
                then {{ in_place_of_any('without_dashes.readable', 'patterns.job_word_pattern', by=' ; ') }}
            else without_dashes.readable
        end as readable
    from without_dashes
    cross join patterns

),

without_lead as materialized (

    select
        location_raw,
        is_remote,
        {{ location_without_lead('readable') }} as readable
    from without_job_words

),

without_remote as (

    select
        without_lead.location_raw,
        without_lead.is_remote,
        case
            when without_lead.is_remote then {{ in_place_of_any('without_lead.readable', 'patterns.remote_pattern') }}
            else without_lead.readable
        end as readable
    from without_lead
    cross join patterns

),

without_filler as materialized (

    select
        without_remote.location_raw,
        without_remote.is_remote,
        case
            when {{ says_any('without_remote.readable', 'patterns.filler_traces', 'patterns.filler_pattern') }}
                then {{ in_place_of_any('without_remote.readable', 'patterns.filler_pattern') }}
            else without_remote.readable
        end as readable
    from without_remote
    cross join patterns

),

without_and as materialized (

    select
        without_filler.location_raw,
        without_filler.is_remote,
        case
            when position('and' in lower(without_filler.readable)) > 0 or position('&' in without_filler.readable) > 0
                then {{ in_place_of_any('without_filler.readable', 'and_pattern.pattern', by=' ; ') }}
            else without_filler.readable
        end as readable
    from without_filler
    cross join and_pattern

),

one_place_between_semicolons as (

    select
        location_raw,
        is_remote,
        {{ location_with_states_closed('readable') }} as readable
    from without_and

)

select
    location_raw,
    readable as places_text,
    is_remote
from one_place_between_semicolons
