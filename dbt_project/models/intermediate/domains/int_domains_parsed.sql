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

public_suffixes as (

    select * from {{ ref('public_suffixes') }}

),

shared_hosts as (

    select * from {{ ref('shared_hosts') }}

),

-- Materialized, or the planner works the splitting out again for every use below.
hosts as materialized (

    select
        domain_raw,
        {{ host_of('domain_raw') }} as host
    from cells

),

valid_hosts as materialized (

    select
        host,
        {{ words_of('host', separator='.') }} as labels,
        {{ count_of(words_of('host', separator='.')) }} as label_count
    from (select distinct host from hosts where {{ is_host('host') }}) as distinct_hosts

),

-- acme.co.uk, co.uk, uk: what a rule may speak of
endings as (

    select
        valid_hosts.host,
        valid_hosts.label_count,
        valid_hosts.label_count - places.place + 1 as ending_label_count,
        {{ words_from('valid_hosts.labels', 'places.place', joined_by='.') }} as ending
    from valid_hosts
    cross join {{ whole_numbers_to('valid_hosts.label_count') }} as places (place)

),

-- publicsuffix.org/list: an exception wins over everything, then the rule with the most labels
matched_rules as (

    select
        endings.host,
        public_suffixes.kind = 'exception' as is_exception,
        case public_suffixes.kind
            when 'exact' then endings.ending_label_count
            when 'wildcard' then endings.ending_label_count + 1
            else endings.ending_label_count - 1
        end as suffix_label_count
    from endings
    inner join public_suffixes on public_suffixes.suffix = endings.ending
    where public_suffixes.kind != 'wildcard' or endings.ending_label_count < endings.label_count

),

suffixes as (

    select
        host,
        -- no host has as many labels: grouping takes half as long as sorting
        max(case when is_exception then 1000 else 0 end + suffix_label_count) % 1000 as suffix_label_count
    from matched_rules
    group by host

),

sharing as (

    select distinct on (endings.host)
        endings.host,
        endings.ending as shared_host,
        endings.ending_label_count as shared_label_count,
        shared_hosts.kind
    from endings
    inner join shared_hosts on shared_hosts.host = endings.ending
    order by endings.host asc, endings.ending_label_count desc

),

registrable as (

    select
        valid_hosts.host,
        suffixes.suffix_label_count,
        sharing.kind as shared_kind,
        sharing.shared_label_count,
        case
            when valid_hosts.label_count > suffixes.suffix_label_count
                then {{ words_from(
                    'valid_hosts.labels', 'valid_hosts.label_count - suffixes.suffix_label_count', joined_by='.'
                ) }}
        end as registrable_domain
    from valid_hosts
    left join suffixes on suffixes.host = valid_hosts.host
    left join sharing on sharing.host = valid_hosts.host

),

judged as (

    select
        hosts.domain_raw,
        registrable.host,
        registrable.registrable_domain,
        case
            when registrable.host is null or registrable.suffix_label_count is null then 'not_a_domain'
            when registrable.registrable_domain is null then coalesce(registrable.shared_kind, 'public_suffix')
            -- a name below a host that gives out names (acme.webflow.io) is its owner's, whoever runs the host
            when registrable.shared_label_count <= registrable.suffix_label_count then 'hosted_site'
            else coalesce(registrable.shared_kind, 'company')
        end as domain_kind
    from hosts
    left join registrable on registrable.host = hosts.host

)

select
    domain_raw,
    host,
    registrable_domain,
    domain_kind,
    case when domain_kind in ('company', 'hosted_site') then registrable_domain end as company_domain
from judged
