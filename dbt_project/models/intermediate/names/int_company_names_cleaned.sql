{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=[
        "{{ room_for_hashing() }}",
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
        split_part(form, ' ', -2) || ' ' || split_part(form, ' ', -1) as last_two_words
    from {{ ref('legal_forms') }}

),

one_word_forms as (

    select * from legal_forms
    where place = 'end' and word_count = 1

),

{#- Two tables, not one with a column for the place: of that the planner would expect a row or two, and may read it once a name. -#}
-- The last two words, or in front the first one, find the few forms that a name may have.
{% for forms, found_by, condition in [
    ('longer_forms', 'last_two_words', "place = 'end' and word_count > 1"),
    ('front_forms', 'first_word', "place = 'front'"),
] -%}
{{ forms }} as (

    select
        {{ found_by }},
        {{ list_of('form') }} as forms,
        {{ list_of('written') }} as writings,
        {{ list_of('word_count') }} as word_counts
    from legal_forms
    where {{ condition }}
    group by {{ found_by }}

),

{% endfor %}
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
in_words as (

    select
        name_raw,
        {{ words_of('name') }} as words,
        {{ words_of(name_compared('name')) }} as keys
    from without_remark
    offset 0

),

kept_0 as (

    select
        in_words.name_raw,
        in_words.words,
        in_words.keys,
        coalesce(
            case
                when front_forms.first_word is not null
                    then (
                        select max(form.word_count) + 1
                        from
                            {{ lists_side_by_side('front_forms.forms', 'front_forms.writings', 'front_forms.word_counts') }}
                                as form (form, written, word_count)
                        where
                            {{ count_of('in_words.keys') }} > form.word_count
                            and {{ words_between('in_words.keys', 1, 'form.word_count') }} = form.form
                            and (
                                form.written = 'any'
                                or {{ word_at('in_words.words', 1) }} = upper({{ word_at('in_words.words', 1) }})
                            )
                    )
            end,
            1
        ) as first_kept,
        {{ count_of('in_words.keys') }} as last_kept,
        true as may_go_on
    from in_words
    left join front_forms on front_forms.first_word = {{ word_at('in_words.keys', 1) }}
    offset 0

),

{#- 'Co., Ltd.' takes two turns; nobody has needed a fourth. -#}
{% for turn in [1, 2, 3] %}

-- Of the forms of several words the longest is meant.
found_{{ turn }} as (

    select
        names.name_raw,
        names.words,
        names.keys,
        names.first_kept,
        names.last_kept,
        coalesce(
            case
                when longer_forms.last_two_words is not null
                    then (
                        select max(form.word_count)
                        from
                            {{ lists_side_by_side('longer_forms.forms', 'longer_forms.writings', 'longer_forms.word_counts') }}
                                as form (form, written, word_count)
                        where
                            {{ words_between('names.keys', 'names.last_kept - form.word_count + 1', 'names.last_kept') }}
                            = form.form
                            and {{ names_more_than('form') }}
                            and {{ legal_form_is_meant('form.written', 'names.words', 'names.last_kept') }}
                    )
            end,
            one_word_forms.word_count,
            0
        ) as word_count
    from kept_{{ turn - 1 }} as names
    left join longer_forms
        on
            longer_forms.last_two_words = case
                when names.may_go_on
                    then
                        {{ word_at('names.keys', 'names.last_kept - 1') }}
                        || ' ' || {{ word_at('names.keys', 'names.last_kept') }}
            end
    left join one_word_forms
        on
            one_word_forms.form = case when names.may_go_on then {{ word_at('names.keys', 'names.last_kept') }} end
            and {{ names_more_than('one_word_forms') }}
            and {{ legal_form_is_meant('one_word_forms.written', 'names.words', 'names.last_kept') }}
    offset 0

),

kept_{{ turn }} as (

    select
        name_raw,
        words,
        keys,
        first_kept,
        last_kept - word_count as last_kept,
        word_count > 0 as may_go_on
    from found_{{ turn }}

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
