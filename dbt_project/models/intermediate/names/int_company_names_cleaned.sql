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

    select string_agg(regexp_replace(form, '([()])', '\\\1', 'g'), '|' order by length(form) desc) as alternatives
    from legal_forms
    where place = 'glued'

),

tidied as materialized (

    select
        distinct_names.name_raw,
        case
            when octet_length(distinct_names.name_raw) = length(distinct_names.name_raw) then {{ name_tidied('distinct_names.name_raw') }}
            else
                coalesce(
                    nullif(btrim(regexp_replace(
                        translate({{ name_tidied('distinct_names.name_raw') }}, '（）㈱㈜', '()'),
                        '^\s*(?:' || glued_forms.alternatives || ')\s*|\s*(?:' || glued_forms.alternatives || ')\s*$', '', 'g'
                    )), ''),
                    {{ name_tidied('distinct_names.name_raw') }}
                )
        end as name
    from distinct_names
    cross join glued_forms

),

-- words: as written.  keys: what the forms are compared with, one for each word.
in_words as materialized (

    select
        name_raw,
        string_to_array({{ name_without_brackets('name') }}, ' ') as words,
        string_to_array(lower(translate({{ name_without_brackets('name') }}, '.,''"’()/«»“”„', '')), ' ') as keys
    from tidied

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

{#- 'Co., Ltd.' and 'Holding GmbH & Co. KG Inc.' take several turns; nobody has needed a fourth. -#}
{% for turn in [1, 2, 3] %}
with_form_{{ turn }} as (

    select
        kept_{{ turn - 1 }}.name_raw,
        max(legal_forms.word_count) as word_count
    from kept_{{ turn - 1 }}
    inner join legal_forms on legal_forms.place = 'end' and legal_forms.last_word = kept_{{ turn - 1 }}.keys[kept_{{ turn - 1 }}.last_kept]
    where
        -- never empty because of it: 'SAS', 'Inc.' and 'The Limited' are names
        kept_{{ turn - 1 }}.last_kept - legal_forms.word_count >= kept_{{ turn - 1 }}.first_kept
        and array_to_string(kept_{{ turn - 1 }}.keys[kept_{{ turn - 1 }}.first_kept:kept_{{ turn - 1 }}.last_kept - legal_forms.word_count], ' ') not in ('the', 'a', 'an', 'la', 'le', 'el', 'and', '&')
        and array_to_string(kept_{{ turn - 1 }}.keys[kept_{{ turn - 1 }}.last_kept - legal_forms.word_count + 1:kept_{{ turn - 1 }}.last_kept], ' ') = legal_forms.form
        and {{ legal_form_is_meant(
            'kept_' ~ (turn - 1) ~ '.words[kept_' ~ (turn - 1) ~ '.last_kept]',
            'kept_' ~ (turn - 1) ~ '.words[kept_' ~ (turn - 1) ~ '.last_kept - 1]',
            'array_to_string(kept_' ~ (turn - 1) ~ '.words[:kept_' ~ (turn - 1) ~ ".last_kept - 1], ' ')",
        ) }}
    group by kept_{{ turn - 1 }}.name_raw

),

kept_{{ turn }} as (

    select
        kept_{{ turn - 1 }}.name_raw,
        kept_{{ turn - 1 }}.words,
        kept_{{ turn - 1 }}.keys,
        kept_{{ turn - 1 }}.first_kept,
        kept_{{ turn - 1 }}.last_kept - coalesce(with_form_{{ turn }}.word_count, 0) as last_kept
    from kept_{{ turn - 1 }}
    left join with_form_{{ turn }} on with_form_{{ turn }}.name_raw = kept_{{ turn - 1 }}.name_raw

),
{% endfor %}
without_forms as materialized (

    select
        name_raw,
        btrim(array_to_string(words[first_kept:last_kept], ' '), ' ,;&-–—/"“”„«»') as name
    from kept_3

),

-- 'Vision (Shanghai), Co. Ltd.': the brackets stand at the end only now
without_brackets as materialized (

    select
        name_raw,
        coalesce(nullif(btrim({{ name_without_brackets('name') }}, ' ,;&-–—/'), ''), name_raw) as name
    from without_forms

),

mended as materialized (

    select
        name_raw,
        {{ name_mended('name') }} as name
    from without_brackets

),

keyed as (

    select
        name_raw,
        name,
        coalesce(nullif({{ name_key('name') }}, ''), nullif({{ name_key('name_raw') }}, ''), lower(name_raw)) as name_key
    from mended

)

select * from keyed
