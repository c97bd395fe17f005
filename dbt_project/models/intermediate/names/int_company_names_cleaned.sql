{#- The planner cannot know how few words end in a legal form, and would sort all names for each turn. -#}
{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=[
        "{{ room_for_hashing() }}",
        "set local enable_mergejoin = off",
        "{{ find_changed_rows(changes_of_cells(ref('int_company_name_cells'), 'name_raw')) }}",
        "{{ delete_changed_rows(['name_raw']) }}",
    ],
) }}

with

legal_forms as (

    select
        form,
        place,
        written,
        {{ count_of(words_of('form')) }} as word_count,
        split_part(form, ' ', 1) as first_word,
        split_part(form, ' ', -1) as last_word,
        split_part(form, ' ', -2) || ' ' || split_part(form, ' ', -1) as last_two_words
    from {{ ref('legal_forms') }}

),

one_word_forms as (

    select * from legal_forms
    where place = 'end' and word_count = 1

),

-- the same name stands in many rows: each is read once, and once for all builds
distinct_names as (

{%- if is_incremental() %}

    select name_raw from changed_rows
    where name_raw is not null
{%- else %}

    select distinct name_raw from {{ ref('int_company_name_cells') }}
{%- endif %}

),

-- Forms of Chinese, Japanese and Korean law stand without a blank, in front or behind.
glued_forms as (

    select
        {{ name_glued_forms('form') }} as alternatives
    from legal_forms
    where place = 'glued'

),

-- `offset 0` is a fence without a copy: without it the planner works a step out again for every use in the next ones.
tidied as (

    select
        name_raw,
        {{ name_tidied('name_raw') }} as name
    from distinct_names
    offset 0

),

unglued as (

    select
        tidied.name_raw,
        {{ name_unglued('tidied.name', 'glued_forms.alternatives') }} as name
    from tidied
    cross join glued_forms
    offset 0

),

without_remark as (

    select
        name_raw,
        {{ name_without_brackets('name') }} as name
    from unglued
    offset 0

),

-- words: as written.  keys: what the forms are compared with, one for each word.
in_words as materialized (

    select
        name_raw,
        {{ words_of('name') }} as words,
        {{ words_of(name_compared('name')) }} as keys
    from without_remark

),

behind_front_form as (

    select
        in_words.name_raw,
        max(legal_forms.word_count) + 1 as first_kept
    from in_words
    inner join legal_forms on legal_forms.place = 'front' and legal_forms.first_word = {{ word_at('in_words.keys', 1) }}
    where
        {{ count_of('in_words.keys') }} > legal_forms.word_count
        and {{ words_between('in_words.keys', 1, 'legal_forms.word_count') }} = legal_forms.form
        and (legal_forms.written = 'any' or {{ word_at('in_words.words', 1) }} = upper({{ word_at('in_words.words', 1) }}))
    group by in_words.name_raw

),

kept_0 as (

    select
        in_words.name_raw,
        in_words.words,
        in_words.keys,
        coalesce(behind_front_form.first_kept, 1) as first_kept,
        {{ count_of('in_words.keys') }} as last_kept
    from in_words
    left join behind_front_form on behind_front_form.name_raw = in_words.name_raw

),

{#- 'Co., Ltd.' takes two turns; nobody has needed a fourth. -#}
{% for turn in [1, 2, 3] %}
{%- set before = 'kept_' ~ (turn - 1) %}

-- The last two words find the few forms of several words; the longest is meant.
longer_form_{{ turn }} as (

    select
        names.name_raw,
        max(legal_forms.word_count) as word_count
    from {{ before }} as names
    inner join legal_forms
        on
            legal_forms.last_two_words
            = {{ word_at('names.keys', 'names.last_kept - 1') }} || ' ' || {{ word_at('names.keys', 'names.last_kept') }}
    where
        legal_forms.place = 'end'
        and legal_forms.word_count > 1
        and {{ words_between('names.keys', 'names.last_kept - legal_forms.word_count + 1', 'names.last_kept') }}
        = legal_forms.form
        and {{ names_more_than_a_form() }}
        and {{ legal_form_is_meant('names.words', 'names.last_kept') }}
    group by names.name_raw

),

kept_{{ turn }} as (

    select
        names.name_raw,
        names.words,
        names.keys,
        names.first_kept,
        names.last_kept - coalesce(longer_form_{{ turn }}.word_count, legal_forms.word_count, 0) as last_kept
    from {{ before }} as names
    left join longer_form_{{ turn }} on longer_form_{{ turn }}.name_raw = names.name_raw
    left join one_word_forms as legal_forms
        on
            legal_forms.form = {{ word_at('names.keys', 'names.last_kept') }}
            and {{ names_more_than_a_form() }}
            and {{ legal_form_is_meant('names.words', 'names.last_kept') }}

),
{%- endfor %}

without_forms as (

    select
        name_raw,
        btrim({{ words_between('words', 'first_kept', 'last_kept') }}, ' ,;&+-–—/"“”„«»') as name
    from kept_3
    offset 0

),

-- 'Vision (Shanghai), Co. Ltd.': the brackets stand at the end only now
shown as (

    select
        name_raw,
        coalesce(nullif(btrim({{ name_without_brackets('name') }}, ' ,;&-–—/'), ''), name_raw) as name
    from without_forms
    offset 0

),

mended as (

    select
        name_raw,
        {{ name_mended('name', cell='name_raw') }} as name
    from shown
    offset 0

),

keyed as (

    select
        name_raw,
        name,
        coalesce(
            nullif({{ name_key('name') }}, ''), nullif({{ name_key('name_raw') }}, ''), lower(name_raw)
        ) as name_key
    from mended

)

select * from keyed
