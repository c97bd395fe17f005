{{ config(pre_hook="{{ room_for_hashing() }}") }}

with

asserted_companies as (

    select * from {{ ref('stg_core__company_canonical') }}

),

enriched_companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}

),

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

legal_forms as (

    select
        form,
        place,
        written,
        cardinality(string_to_array(form, ' ')) as word_count,
        split_part(form, ' ', 1) as first_word,
        split_part(form, ' ', cardinality(string_to_array(form, ' '))) as last_word
    from {{ ref('legal_forms') }}

),

-- The same name stands in many rows: each is read once. `union` drops the repeats.
distinct_names as (

    select original_name as name_raw from asserted_companies where original_name is not null
    union
    select cleaned_name as name_raw from asserted_companies where cleaned_name is not null
    union
    select name as name_raw from enriched_companies where name is not null
    union
    select latest_company as name_raw from people where latest_company is not null
    union
    select name as name_raw from crm_companies where name is not null

),

-- Forms of Chinese, Japanese and Korean law stand without a blank, in front or behind.
glued_forms as (

    select
        string_agg(regexp_replace(form, '([()])', '\\\1', 'g'), '|' order by length(form) desc) as alternatives
    from legal_forms
    where place = 'glued'

),

tidied as materialized (

    select
        name_raw,
        {{ name_tidied('name_raw') }} as name
    from distinct_names

),

unglued as materialized (

    select
        tidied.name_raw,
        case
            when octet_length(tidied.name) = length(tidied.name) then tidied.name
            else
                coalesce(
                    nullif(btrim(regexp_replace(
                        replace(replace(translate(tidied.name, '（）', '()'), '㈱', '(株)'), '㈜', '(주)'),
                        '^\s*(' || glued_forms.alternatives || ')|(' || glued_forms.alternatives || ')\s*$',
                        '',
                        'g'
                    )), ''),
                    tidied.name
                )
        end as name
    from tidied
    cross join glued_forms

),

without_remark as materialized (

    select
        name_raw,
        {{ name_without_brackets('name') }} as name
    from unglued

),

-- words: as written.  keys: what the forms are compared with, one for each word.
in_words as materialized (

    select
        name_raw,
        string_to_array(name, ' ') as words,
        string_to_array(lower(translate(name, '.,''"’()/«»“”„', '')), ' ') as keys
    from without_remark

),

behind_front_form as (

    select
        in_words.name_raw,
        max(legal_forms.word_count) + 1 as first_kept
    from in_words
    inner join legal_forms on legal_forms.place = 'front' and legal_forms.first_word = in_words.keys[1]
    where
        cardinality(in_words.keys) > legal_forms.word_count
        and array_to_string(in_words.keys[:legal_forms.word_count], ' ') = legal_forms.form
        and (legal_forms.written = 'any' or in_words.words[1] = upper(in_words.words[1]))
    group by in_words.name_raw

),

kept_0 as (

    select
        in_words.name_raw,
        in_words.words,
        in_words.keys,
        coalesce(behind_front_form.first_kept, 1) as first_kept,
        cardinality(in_words.keys) as last_kept
    from in_words
    left join behind_front_form on behind_front_form.name_raw = in_words.name_raw

),

{#- 'Co., Ltd.' takes two turns; nobody has needed a fourth. -#}
{% for turn in [1, 2, 3] %}
{%- set before = 'kept_' ~ (turn - 1) %}

-- never empty because of it: 'SAS', 'Inc.' and 'The Limited' are names
ends_in_form_{{ turn }} as (

    select
        names.name_raw,
        max(legal_forms.word_count) as word_count
    from {{ before }} as names
    inner join legal_forms on legal_forms.place = 'end' and legal_forms.last_word = names.keys[names.last_kept]
    where
        names.last_kept - legal_forms.word_count >= names.first_kept
        and array_to_string(names.keys[names.last_kept - legal_forms.word_count + 1:names.last_kept], ' ')
        = legal_forms.form
        and array_to_string(names.keys[names.first_kept:names.last_kept - legal_forms.word_count], ' ')
        not in ('the', 'a', 'an', 'la', 'le', 'el', 'and', '&')
        and {{ legal_form_is_meant('names.words', 'names.last_kept') }}
    group by names.name_raw

),

kept_{{ turn }} as (

    select
        names.name_raw,
        names.words,
        names.keys,
        names.first_kept,
        names.last_kept - coalesce(ends_in_form_{{ turn }}.word_count, 0) as last_kept
    from {{ before }} as names
    left join ends_in_form_{{ turn }} on ends_in_form_{{ turn }}.name_raw = names.name_raw

),
{%- endfor %}

without_forms as materialized (

    select
        name_raw,
        btrim(array_to_string(words[first_kept:last_kept], ' '), ' ,;&-–—/"“”„«»') as name
    from kept_3

),

-- 'Vision (Shanghai), Co. Ltd.': the brackets stand at the end only now
shown as materialized (

    select
        name_raw,
        coalesce(nullif(btrim({{ name_without_brackets('name') }}, ' ,;&-–—/'), ''), name_raw) as name
    from without_forms

),

mended as materialized (

    select
        name_raw,
        {{ name_mended('name') }} as name
    from shown

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
