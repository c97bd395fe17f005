with

candidates as (

    select * from {{ ref('int_crm_company_candidates') }}

),

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

),

decisions as (

    select * from {{ ref('stg_reference__duplicate_decisions') }}

),

-- of several people's decisions about one pair the last counts
newest_decisions as (

    select distinct on (least(record_id_a, record_id_b), greatest(record_id_a, record_id_b))
        least(record_id_a, record_id_b) as record_id_a,
        greatest(record_id_a, record_id_b) as record_id_b,
        decision
    from decisions
    where object = 'companies'
    order by
        least(record_id_a, record_id_b),
        greatest(record_id_a, record_id_b),
        decided_at desc nulls last,
        decision asc

),

compared as (

    select
        candidates.record_id_a,
        candidates.record_id_b,
        newest_decisions.decision,
        coalesce(one.linkedin_url = other.linkedin_url, false) as has_same_linkedin,
        coalesce(
            {{ shares_a_word('one.company_domains', 'other.company_domains') }}, false
        ) as has_same_domain,
        coalesce(one.name_key = other.name_key, false) as has_same_name,
        one.name_key as name_key_a,
        other.name_key as name_key_b,
        one.name_words as name_words_a,
        other.name_words as name_words_b,
        -- asked only where page and domain agree: it takes time
        coalesce(one.linkedin_url = other.linkedin_url, false)
        and coalesce({{ shares_a_word('one.company_domains', 'other.company_domains') }}, false)
        and {{ company_names_fit('one', 'other') }} as has_fitting_names,
        coalesce(
            case
                -- the name of a record without a domain, and the other's domain
                when one.domain_labels is null then {{ has_word('other.domain_labels', 'one.name_key') }}
                when other.domain_labels is null then {{ has_word('one.domain_labels', 'other.name_key') }}
                -- acme.com and acme.de
                else {{ shares_a_word('one.domain_labels', 'other.domain_labels') }}
            end,
            false
        ) as has_same_label,
        coalesce(one.locality_key = other.locality_key and one.country_code = other.country_code, false)
            as has_same_city,
        coalesce(
            {{ shares_a_word("concat_ws(' ', one.company_domains, one.email_domains)", 'other.email_domains') }}
            or {{ shares_a_word('one.email_domains', 'other.company_domains') }},
            false
        ) as has_same_email_domain,
        {{ company_vetoes('one', 'other') }}
    from candidates
    inner join crm_companies as one on candidates.record_id_a = one.record_id
    inner join crm_companies as other on candidates.record_id_b = other.record_id
    left join newest_decisions
        on
            candidates.record_id_a = newest_decisions.record_id_a
            and candidates.record_id_b = newest_decisions.record_id_b

),

compared_in_spelling as (

    select
        *,
        -- only a shared domain or page makes a typo out of a difference
        case
            when (has_same_domain or has_same_linkedin) and not has_same_name
                then coalesce({{ differs_by_one_letter('name_words_a', 'name_words_b') }}, false)
            else false
        end as has_one_typo,
        coalesce(
            not has_same_name
            and (starts_with(name_key_a, name_key_b) or starts_with(name_key_b, name_key_a)),
            false
        ) as has_name_start
    from compared

),

weighed as (

    select
        *,
        has_other_linkedin or has_other_number or has_other_division as has_veto,
        -- two domains say two companies, unless both name one LinkedIn page and no two places
        has_other_domain and (has_other_place or not has_same_linkedin) as has_domain_veto
    from compared_in_spelling

),

judged as (

    select
        *,
        case
            when decision = 'same' then 'certain'
            when decision in ('distinct', 'keep') then null
            when
                not has_veto
                and not has_domain_veto
                and (
                    (has_same_name and (has_same_linkedin or has_same_domain))
                    -- a company's arm may stand on its domain and name its page, under a name of its own
                    or (has_same_linkedin and has_same_domain and has_fitting_names)
                    or (has_same_domain and has_one_typo)
                )
                then 'certain'
            when
                not has_veto
                and (
                    has_same_linkedin
                    or has_same_domain
                    or (has_same_name and has_same_label)
                    or (has_same_name and has_same_city and not has_domain_veto)
                    or (has_same_email_domain and not has_domain_veto)
                )
                then 'likely'
            when
                has_same_linkedin
                or has_same_domain
                or has_same_name
                or (has_name_start and has_same_city and not has_veto and not has_domain_veto)
                or (has_same_label and not has_veto and not has_domain_veto)
                then 'possible'
        end as rule_tier
    from weighed

),

explained as (

    select
        record_id_a,
        record_id_b,
        rule_tier,
        decision,
        has_veto or has_domain_veto as has_veto,
        least(
            1,
            0.35 * has_same_linkedin::integer
            + 0.3 * has_same_domain::integer
            + 0.2 * has_same_name::integer
            + 0.1 * has_one_typo::integer
            + 0.1 * has_same_email_domain::integer
            + 0.05 * has_same_label::integer
            + 0.05 * has_same_city::integer
        ) as evidence,
        {{ json_codes([
            ("decision = 'same'", 'person_said_same'),
            ('has_same_linkedin', 'same_linkedin'),
            ('has_same_domain', 'same_domain'),
            ('has_same_name', 'same_name'),
            ('has_one_typo', 'one_typo_in_name'),
            ('has_name_start', 'same_name_start'),
            ('has_same_label', 'same_domain_label'),
            ('has_same_email_domain', 'same_email_domain'),
            ('has_same_city', 'same_city'),
            ('has_other_linkedin', 'veto_other_linkedin'),
            ('has_domain_veto and not has_same_linkedin', 'veto_other_domain'),
            ('has_domain_veto and has_same_linkedin', 'veto_other_domain_and_place'),
            ('has_other_number', 'veto_other_number'),
            ('has_other_division', 'veto_other_division'),
            ('has_same_linkedin and has_same_domain and not has_fitting_names', 'other_name'),
        ]) }} as reasons
    from judged

)

-- the score orders the review within a tier, nothing else
select
    record_id_a,
    record_id_b,
    rule_tier,
    decision,
    has_veto,
    round((case
        when decision = 'same' then 1
        when rule_tier = 'certain' then 0.9 + 0.1 * evidence
        when rule_tier = 'likely' then 0.5 + 0.4 * evidence
        else 0.5 * evidence
    end)::numeric, 3) as score,
    reasons
from explained
where rule_tier is not null or decision is not null
