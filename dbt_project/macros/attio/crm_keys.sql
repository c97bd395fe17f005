{#-
    What the CRM says of people besides the people themselves: for each domain the company of the export that it is, for each profile
    the record that carries it. `attio_people` remembers what it was made with, and makes anew the people of whom that has changed.
-#}

{#- Pre-hook, before the changes are looked for: as it is now, for the whole transaction. -#}
{% macro take_crm_keys() -%}
do $$
begin
    if to_regclass({{ sql_text(crm_keys_remembered()) }}) is null then
        create table {{ crm_keys_remembered() }} (kind text not null, key text not null, value text not null);
        comment on table {{ crm_keys_remembered() }} is {{ comment_with_marker(
            'For each domain the company, and for each profile the record, that attio_people was last made with.'
        ) }};
    end if;
end
$$;
create temporary table crm_keys on commit drop as
select
    'company' as kind,
    companies_in_crm.domain as key,
    companies.domain as value
from {{ ref('int_companies_matched_in_crm') }} as companies_in_crm
inner join {{ ref('attio_companies') }} as companies on companies_in_crm.export_domain = companies.domain
union all
select
    'company' as kind,
    companies.domain as key,
    companies.domain as value
from {{ ref('attio_companies') }} as companies
left join {{ ref('int_companies_matched_in_crm') }} as companies_in_crm on companies.domain = companies_in_crm.domain
where companies_in_crm.export_domain is null
union all
select
    'record' as kind,
    linkedin_url as key,
    concat_ws('/', record_count, record_id) as value
from {{ ref('int_people_matched_in_crm') }};
analyze crm_keys
{%- endmacro %}

{#- Post-hook. -#}
{% macro remember_crm_keys() -%}
delete from {{ crm_keys_remembered() }} as remembered
where not exists (
    select 1 from crm_keys
    where crm_keys.key = remembered.key and crm_keys.kind = remembered.kind and crm_keys.value = remembered.value
);
insert into {{ crm_keys_remembered() }}
select * from crm_keys
except
select * from {{ crm_keys_remembered() }}
{%- endmacro %}

{% macro crm_keys_remembered() -%}
{{ return(adapter.quote(target.schema ~ '_intermediate') ~ '.crm_keys_remembered') }}
{%- endmacro %}
