{#- Every ending of a host is looked up: acme.co.uk, co.uk, uk. None that is known has more labels; the seeds' tests say so. -#}
{%- set label_counts = [1, 2, 3, 4, 5, 6] -%}
{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ find_changed_rows(changes_of_cells(ref('int_domain_cells'), 'domain_raw')) }}",
        "{{ delete_changed_rows(['domain_raw']) }}",
    ],
) }}

with

-- the same cell stands in many rows and columns: it is read once, and once for all builds
cells as (

{%- if is_incremental() %}

    select domain_raw from changed_rows
    where domain_raw is not null
{%- else %}

    select distinct domain_raw from {{ ref('int_domain_cells') }}
{%- endif %}

),

-- What a host may end with. Of a wildcard one more label belongs to the suffix, of an exception one less.
known_endings as (

    select
        ending,
        bool_or(rule = 'exact') as is_suffix,
        bool_or(rule = 'wildcard') as is_wildcard,
        bool_or(rule = 'exception') as is_exception,
        max(shared_kind) as shared_kind
    from (
        select
            suffix as ending,
            kind as rule,
            null as shared_kind
        from {{ ref('public_suffixes') }}
        union all
        select
            host as ending,
            null as rule,
            kind as shared_kind
        from {{ ref('shared_hosts') }}
    ) as endings
    group by ending

),

-- `offset 0` is a fence without a copy: without it the planner works a step out again for every use in the next ones.
read_hosts as (

    select
        domain_raw,
        {{ host_of('domain_raw') }} as host
    from cells
    offset 0

),

valid_hosts as (

    select
        domain_raw,
        case when {{ is_host('host') }} then host end as host
    from read_hosts
    offset 0

),

in_labels as (

    select
        domain_raw,
        host,
        {{ words_of('host', separator='.') }} as labels,
        {{ count_of(words_of('host', separator='.')) }} as label_count
    from valid_hosts
    offset 0

),

looked_up as (

    select
        in_labels.domain_raw,
        in_labels.host,
        in_labels.labels,
        in_labels.label_count,
        -- publicsuffix.org/list: an exception wins over everything, then the rule with the most labels
        coalesce(
            {%- for count in label_counts %}
            case when ending_{{ count }}.is_exception then {{ count }} - 1 end,
            {%- endfor %}
            greatest(
                {%- for count in label_counts %}
                case
                    when ending_{{ count }}.is_wildcard and in_labels.label_count > {{ count }} then {{ count }} + 1
                    when ending_{{ count }}.is_suffix then {{ count }}
                end{{ ',' if not loop.last }}
                {%- endfor %}
            )
        ) as suffix_label_count,
        -- of shared hosts the one with the most labels
        coalesce(
            {%- for count in label_counts | reverse %}
            ending_{{ count }}.shared_kind{{ ',' if not loop.last }}
            {%- endfor %}
        ) as shared_kind,
        case
            {%- for count in label_counts | reverse %}
            when ending_{{ count }}.shared_kind is not null then {{ count }}
            {%- endfor %}
        end as shared_label_count
    from in_labels
    {%- for count in label_counts %}
    left join known_endings as ending_{{ count }}
        on
            ending_{{ count }}.ending
            = case when in_labels.label_count >= {{ count }} then {{ last_words('in_labels.labels', count, joined_by='.') }} end
    {%- endfor %}
    offset 0

),

registrable as (

    select
        domain_raw,
        host,
        suffix_label_count,
        shared_kind,
        shared_label_count,
        case
            when label_count > suffix_label_count
                then {{ words_from('labels', 'label_count - suffix_label_count', joined_by='.') }}
        end as registrable_domain
    from looked_up
    offset 0

),

judged as (

    select
        domain_raw,
        host,
        registrable_domain,
        case
            when host is null or suffix_label_count is null then 'not_a_domain'
            when registrable_domain is null then coalesce(shared_kind, 'public_suffix')
            -- a name below a host that gives out names (acme.webflow.io) is its owner's, whoever runs the host
            when shared_label_count <= suffix_label_count then 'hosted_site'
            else coalesce(shared_kind, 'company')
        end as domain_kind
    from registrable

)

select
    domain_raw,
    host,
    registrable_domain,
    domain_kind,
    case when domain_kind in ('company', 'hosted_site') then registrable_domain end as company_domain
from judged
