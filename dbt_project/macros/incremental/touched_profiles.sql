{#-
    Which profiles a model must make anew: `person_export` those that rows were taken from or added to since it was last made,
    `attio_people` those that the export made anew since. To find them in the rows themselves would be to group or to join a million.
    The model that is read remembers them in the transaction in which it changes rows; the one that reads takes them in the one in
    which it makes them anew, so that neither a build that died nor two that overlapped lose any. A line without a profile means all.
-#}

{#- Pre-hook of the rows, before any is taken out. -#}
{% macro remember_gone_rows() -%}
{{ touched_profiles_table() }};
{%- if is_incremental() %}
{{ remember_rows('made_id', '-') }}
{%- else %}
insert into {{ touched_profiles_remembered() }} values (null);
insert into {{ touched_cells_remembered() }} values (null, null, null)
{%- endif %}
{%- endmacro %}

{#- Post-hook of the rows, with the new ones in their place. -#}
{% macro remember_new_rows() -%}
do $$
begin
    if {{ changed_rows_were_found() }} then
        {{ remember_rows('id', '') }};
    end if;
end
$$
{%- endmacro %}

{% macro remember_rows(changed_id, sign) -%}
with

touched as materialized (

    select all_rows.*
    from {{ this }} as all_rows
    inner join changed_rows on all_rows.id = changed_rows.{{ changed_id }}

),

profiles as (

    insert into {{ touched_profiles_remembered() }}
    select distinct linkedin_url from touched
    where linkedin_url is not null

)

insert into {{ touched_cells_remembered() }}
{{ cells_of_people('touched', sign) }}
{%- endmacro %}

{#- Pre-hook of the model that reads. What is remembered meanwhile stays for the next build. -#}
{% macro take_touched_profiles(reader='person_export') -%}
{%- set remembered = touched_profiles_remembered(reader) -%}
{{ touched_profiles_table(reader) }};
create temporary table touched_profiles on commit drop as
select
    ctid as line,
    linkedin_url
from {{ remembered }};
delete from {{ remembered }} as remembered using touched_profiles where remembered.ctid = touched_profiles.line
{%- endmacro %}

{#-
    Pre-hook of the export: all rows of its changed profiles, from which it is made, and which its post-hook looks through for what was
    left out: each would read a million rows to find them. A profile may have changed in its rows and in its place. Behind the delete:
    before it, another build could make the export from newer rows, which this one would then replace by older ones.
-#}
{% macro take_rows_of_profiles() -%}
{%- if is_incremental() -%}
create temporary table rows_of_profiles on commit drop as
select all_rows.*
from {{ ref('int_people_read') }} as all_rows
inner join (
    select distinct linkedin_url from changed_rows
) as changed_profiles on all_rows.linkedin_url = changed_profiles.linkedin_url;
analyze rows_of_profiles
{%- endif -%}
{%- endmacro %}

{#- Post-hook of the export. -#}
{% macro remember_touched_exports() -%}
{%- set remembered = touched_profiles_remembered('attio_people') -%}
{{ touched_profiles_table('attio_people') }};
do $$
begin
    if {{ changed_rows_were_found() }} then
        insert into {{ remembered }} select distinct linkedin_url from changed_rows;
    else
        insert into {{ remembered }} values (null);
    end if;
end
$$
{%- endmacro %}

{#-
    Post-hook of the export: profiles of which it did not get all rows, since a cell came while the build ran, in another one or half
    of the models, and is not looked up yet.
-#}
{% macro remember_profiles_left_out() -%}
do $$
begin
    if {{ changed_rows_were_found() }} then
        {{ profiles_left_out('rows_of_profiles') }};
    else
        {{ profiles_left_out(ref('int_people_read')) }};
    end if;
end
$$
{%- endmacro %}

{% macro profiles_left_out(rows) -%}
insert into {{ touched_profiles_remembered() }}
select distinct people.linkedin_url
from {{ rows }} as people
left join {{ ref('int_domains_parsed') }} as domains on people.company_domain_raw = domains.domain_raw
left join {{ ref('int_company_names_cleaned') }} as names on people.company_name_raw = names.name_raw
where people.linkedin_url is not null and not {{ cells_are_looked_up('people', 'domains', 'names') }}
{%- endmacro %}

{% macro cells_are_looked_up(people, domains, names) -%}
(
        ({{ people }}.company_domain_raw is null or {{ domains }}.domain_raw is not null)
        and ({{ people }}.company_name_raw is null or {{ names }}.name_raw is not null)
    )
{%- endmacro %}

{#- Made with a line that means all: what was touched before, it does not know. -#}
{% macro touched_profiles_table(reader='person_export') -%}
{%- set remembered = touched_profiles_remembered(reader) -%}
do $$
begin
    if to_regclass({{ sql_text(remembered) }}) is null then
        create table {{ remembered }} (linkedin_url text);
        comment on table {{ remembered }} is {{ comment_with_marker(
            'Profiles whose rows changed at a build, until ' ~ reader ~ ' has been made from them. A line without one means all.'
        ) }};
        insert into {{ remembered }} values (null);
    end if;
end
$$
{%- endmacro %}

{% macro touched_profiles_remembered(reader='person_export') -%}
{%- set name = 'touched_profiles_remembered' if reader == 'person_export' else 'touched_exports_remembered' -%}
{{ return(adapter.quote(target.schema ~ '_intermediate') ~ '.' ~ name) }}
{%- endmacro %}
