{#-
    What speaks against two CRM companies being one, as boolean columns; `one` and `other` are aliases of
    int_crm_companies_identified. Shared by the pairs and by the check inside the clusters.
-#}
{% macro company_vetoes(one, other) -%}
        -- a numeric id and a name of the same page look different and need not be
        coalesce(
            {{ one }}.linkedin_slug <> {{ other }}.linkedin_slug
            and ({{ one }}.linkedin_slug ~ '^\d+$') = ({{ other }}.linkedin_slug ~ '^\d+$'),
            false
        ) as has_other_linkedin,
        coalesce(
            not string_to_array({{ one }}.company_domains, ' ') && string_to_array({{ other }}.company_domains, ' '),
            false
        ) as has_other_domain,
        coalesce({{ one }}.name_key <> {{ other }}.name_key and {{ one }}.number_key <> {{ other }}.number_key, false)
            as has_other_number,
        coalesce(
            ({{ one }}.name_key <> {{ other }}.name_key and {{ one }}.division_key <> {{ other }}.division_key)
            -- 'Acme (Tampa)' and 'Acme (Miami)', whose cleaned names are one
            or {{ one }}.branch_key <> {{ other }}.branch_key,
            false
        ) as has_other_division,
        -- a franchise's houses have one name and the brand's page, but each a domain and a town
        coalesce(
            not string_to_array({{ one }}.company_domains, ' ') && string_to_array({{ other }}.company_domains, ' ')
            and ({{ one }}.locality_key <> {{ other }}.locality_key or {{ one }}.country_code <> {{ other }}.country_code),
            false
        ) as has_other_place
{%- endmacro %}

{#-
    Whether the names of two CRM companies may be one company's: the same but for words that say nothing ('Official', 'HQ'), for an
    ending of its domain or for a slip of the pen, or not both known. 'Acme' and 'Acme Payments' may be a company and its arm.
-#}
{% macro company_names_fit(one, other) -%}
coalesce(
            {{ one }}.name_key = {{ other }}.name_key
            or {{ one }}.plain_key = {{ other }}.plain_key
            or {{ has_word("translate(" ~ one ~ ".company_domains, '.-', '')", other ~ '.plain_key') }}
            or {{ has_word("translate(" ~ other ~ ".company_domains, '.-', '')", one ~ '.plain_key') }}
            or {{ differs_by_one_letter(one ~ '.name_words', other ~ '.name_words') }},
            {{ one }}.name_key is null or {{ other }}.name_key is null
        )
{%- endmacro %}

{#-
    Whether a name has one letter more than the other, within a word that is long enough to be known by the rest of it: six letters
    and more, the first the same. A changed letter makes another word ('Carbon', 'Carton'; 'Fund A', 'Fund B'). Both are names in
    words, with single blanks.
-#}
{% macro differs_by_one_letter(one, other) -%}
(
    abs(length({{ one }}) - length({{ other }})) = 1
    and left({{ one }}, 1) = left({{ other }}, 1)
    and (
        select
            count(*) = 1
            and min(greatest(length(words_of_one.word), length(words_of_other.word))) >= 6
            and min(least(length(words_of_one.word), length(words_of_other.word))) >= 5
        from {{ pieces_of(one, ' ') }} as words_of_one (word, place)
        full join {{ pieces_of(other, ' ') }} as words_of_other (word, place) on words_of_one.place = words_of_other.place
        where words_of_one.word is distinct from words_of_other.word
    )
    and (
        select
            -- what both begin with and what both end with covers all but one letter of the longer
            max(place) filter (where left({{ one }}, place) = left({{ other }}, place))
            + coalesce(max(place) filter (where right({{ one }}, place) = right({{ other }}, place)), 0)
            >= greatest(length({{ one }}), length({{ other }})) - 1
        from generate_series(1, least(length({{ one }}), length({{ other }}))) as places (place)
    )
)
{%- endmacro %}

{#- The words of a text with each one's place from 1 on, as rows to be joined: `as listed (token, place)`. -#}
{% macro words_numbered(text) -%}
lateral regexp_split_to_table({{ text }}, '[^[:alnum:]]+') with ordinality
{%- endmacro %}

{#- The runs of digits in a text, as rows to be joined: `as numbers (digits)`. -#}
{% macro numbers_in(text) -%}
lateral (
    select found.parts[1] as digits from regexp_matches({{ text }}, '\d+', 'g') as found (parts)
)
{%- endmacro %}

{#- What stands behind the last 'of' in a name: the 'austin' of 'habitat for humanity of austin'; null without one. -#}
{% macro name_behind_of(name) -%}
substring({{ name }} from '\mof\s+(?!.*\mof\M)(.+)$')
{%- endmacro %}

{#- The first label of a domain, letters and digits only: 'acme-foods.co.uk' becomes 'acmefoods'. -#}
{% macro domain_label(domain) -%}
regexp_replace(split_part({{ domain }}, '.', 1), '[^a-z0-9]', '', 'g')
{%- endmacro %}

{#-
    What a name says of a branch at its end: the 'Tampa' of 'Acme (Tampa)' and of 'Acme | Tampa'; null without it, and of more than
    three words, which are a tagline.
-#}
{% macro name_of_branch(name) -%}
substring({{ name }} from '[[:alnum:]][^(\[|]*[(\[|]\s*((?:[^\s()\[\]|]+\s+){0,2}[^\s()\[\]|]+)\s*[)\]]?\s*$')
{%- endmacro %}
