{#-
    Clusters over certain pairs, the same for companies and people.

    pairs: relation with record_id_a, record_id_b, rule_tier, decision.   records: relation with record_id, survivor_rank.
    conflicts: SQL that gives a (record_id_a, record_id_b) for every two records that cannot be one, out of `members`
    (record_id, cluster_rank), the members of clusters that are small enough.

    A label is the best survivor rank known; in each pass a record takes the best label among itself and its neighbours. No recursion:
    where the passes were not enough, two neighbours still differ, and the cluster goes to review like any other doubtful one.
-#}
{% macro duplicate_clusters(pairs, records, conflicts, passes=6, most_members=20) -%}
edges as materialized (

    select record_id_a as record_id, record_id_b as neighbour_id from {{ pairs }} where rule_tier = 'certain'
    union all
    select record_id_b, record_id_a from {{ pairs }} where rule_tier = 'certain'

),

labels_0 as materialized (

    select
        linked.record_id,
        {{ records }}.survivor_rank as label
    from (select distinct record_id from edges) as linked
    inner join {{ records }} on linked.record_id = {{ records }}.record_id

),

{% for pass in range(1, passes + 1) -%}
labels_{{ pass }} as materialized (

    select
        own.record_id,
        least(own.label, min(neighbours.label)) as label
    from labels_{{ pass - 1 }} as own
    inner join edges on own.record_id = edges.record_id
    inner join labels_{{ pass - 1 }} as neighbours on edges.neighbour_id = neighbours.record_id
    group by own.record_id, own.label

),

{% endfor -%}
labelled as materialized (

    select
        record_id,
        label as cluster_rank,
        count(*) over (partition by label) as member_count
    from labels_{{ passes }}

),

-- still on the way: its cluster is not known whole
unfinished as (

    select distinct unnest(array[own.cluster_rank, neighbours.cluster_rank]) as cluster_rank
    from edges
    inner join labelled as own on edges.record_id = own.record_id
    inner join labelled as neighbours on edges.neighbour_id = neighbours.record_id
    where own.cluster_rank <> neighbours.cluster_rank

),

members as materialized (

    select
        record_id,
        cluster_rank
    from labelled
    where member_count <= {{ most_members }}

),

conflicts as (

    {{ conflicts }}

),

conflicting as (

    select distinct members.cluster_rank
    from conflicts
    inner join members on conflicts.record_id_a = members.record_id

),

clustered as (

    select
        labelled.record_id,
        survivors.record_id as survivor_record_id,
        labelled.cluster_rank,
        case
            when labelled.member_count > {{ most_members }} then 'cluster_too_large'
            when labelled.cluster_rank in (select cluster_rank from unfinished) then 'cluster_not_closed'
            when labelled.cluster_rank in (select cluster_rank from conflicting) then 'conflict_in_cluster'
        end as doubt
    from labelled
    inner join {{ records }} as survivors on labelled.cluster_rank = survivors.survivor_rank

)

select * from clustered
{%- endmacro %}


{#-
    Every record once, in the cluster where it is surest: certain copies with their survivor; then records of doubtful clusters; then
    single records beside the best record that a likely, at last a possible pair leads to.
-#}
{% macro duplicate_roles(pairs, records, clusters) -%}
certain_edges as (

    select record_id_a as record_id, record_id_b as partner_id, score, reasons from {{ pairs }} where rule_tier = 'certain'
    union all
    select record_id_b, record_id_a, score, reasons from {{ pairs }} where rule_tier = 'certain'

),

cluster_copies as (

    select
        {{ clusters }}.record_id,
        {{ clusters }}.survivor_record_id,
        -- a copy that only another copy vouches for is not removed without a look
        case
            when {{ clusters }}.doubt is null and certain_edges.record_id is not null then 'certain'
            else 'likely'
        end as tier,
        coalesce(case when {{ clusters }}.doubt is null then certain_edges.score end, 0.5) as score,
        coalesce(certain_edges.reasons, '[]'::jsonb)
        || case
            when {{ clusters }}.doubt is not null then jsonb_build_array({{ clusters }}.doubt)
            when certain_edges.record_id is null then jsonb_build_array('only_through_another_copy')
            else '[]'::jsonb
        end as reasons
    from {{ clusters }}
    left join certain_edges
        on
            {{ clusters }}.record_id = certain_edges.record_id
            and {{ clusters }}.survivor_record_id = certain_edges.partner_id
    where {{ clusters }}.record_id <> {{ clusters }}.survivor_record_id

),
{% for tier in ['likely', 'possible'] %}
{%- set settled = 'cluster_copies' if tier == 'likely' else 'settled_by_likely' %}
-- who is spoken for, as a copy or as a survivor
settled_before_{{ tier }} as materialized (

    select record_id, survivor_record_id from cluster_copies
    {%- if tier == 'possible' %}
    union all
    select record_id, survivor_record_id from likely_copies
    {%- endif %}

),

{{ tier }}_edges as (

    select record_id_a as record_id, record_id_b as partner_id, score, reasons
    from {{ pairs }} where rule_tier = '{{ tier }}' and decision is null
    union all
    select record_id_b, record_id_a, score, reasons
    from {{ pairs }} where rule_tier = '{{ tier }}' and decision is null

),

-- from a record that stands alone to the survivor on the other side, where that one ranks better
{{ tier }}_offers as materialized (

    select distinct on ({{ tier }}_edges.record_id, survivors.record_id)
        {{ tier }}_edges.record_id,
        survivors.record_id as survivor_record_id,
        survivors.survivor_rank,
        {{ tier }}_edges.score,
        {{ tier }}_edges.reasons
    from {{ tier }}_edges
    left join settled_before_{{ tier }} as partners on {{ tier }}_edges.partner_id = partners.record_id
    inner join {{ records }} as survivors
        on coalesce(partners.survivor_record_id, {{ tier }}_edges.partner_id) = survivors.record_id
    inner join {{ records }} as own on {{ tier }}_edges.record_id = own.record_id
    where
        survivors.survivor_rank < own.survivor_rank
        and {{ tier }}_edges.record_id not in (select record_id from settled_before_{{ tier }})
        and {{ tier }}_edges.record_id not in (select survivor_record_id from settled_before_{{ tier }})
    order by {{ tier }}_edges.record_id, survivors.record_id, {{ tier }}_edges.score desc, {{ tier }}_edges.partner_id

),

-- a record that would itself become a copy is nobody's survivor
{{ tier }}_copies as materialized (

    select distinct on (record_id)
        record_id,
        survivor_record_id,
        '{{ tier }}' as tier,
        score,
        reasons
    from {{ tier }}_offers
    where survivor_record_id not in (select record_id from {{ tier }}_offers)
    order by record_id, survivor_rank

),
{% endfor %}
copies as (

    select * from cluster_copies
    union all
    select * from likely_copies
    union all
    select * from possible_copies

),

-- a survivor is as sure as its surest copy
survivors_of_copies as (

    select distinct on (survivor_record_id)
        survivor_record_id as record_id,
        survivor_record_id,
        tier,
        score,
        reasons
    from copies
    order by survivor_record_id, array_position(array['certain', 'likely', 'possible'], tier), score desc, record_id

),

roles as (

    select
        survivor_record_id as cluster_id,
        record_id,
        'duplicate' as role,
        survivor_record_id,
        tier,
        score,
        reasons
    from copies
    union all
    select
        record_id,
        record_id,
        'survivor',
        survivor_record_id,
        tier,
        score,
        reasons
    from survivors_of_copies

)

select * from roles
{%- endmacro %}
