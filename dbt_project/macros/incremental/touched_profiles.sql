{#-
    Which profiles the export of people must make anew: those that rows were taken from or added to since it was last built. To find
    them in the rows themselves would be to group a million. These are hooks of the model that holds the rows; the line without a
    profile says since when nothing is missing in what they remember.
-#}

{#- Pre-hook, before rows are taken out. -#}
{% macro remember_profiles_of_gone_rows() -%}
{%- set remembered, known_since = touched_profiles_remembered(), profiles_known_since() -%}
create table if not exists {{ remembered }} (linkedin_url text, touched_at timestamptz not null);
comment on table {{ remembered }} is {{ comment_with_marker(
    'Profiles whose rows changed at a build, until the export of people has been made from them. The line without one says since when.'
) }};
{%- if not is_incremental() %}
truncate {{ remembered }};
insert into {{ remembered }} values (null, {{ sql_text(run_started_at | string) }})
{%- else %}
{%- if known_since %}
delete from {{ remembered }} where linkedin_url is not null and touched_at <= {{ sql_text(known_since) }};
{%- endif %}
{{ profiles_touched('made_id') }}
{%- endif %}
{%- endmacro %}

{#- Post-hook, with the new rows in their place. -#}
{% macro remember_profiles_of_new_rows() -%}
do $$
begin
    if {{ changed_rows_were_found() }} then
        {{ profiles_touched('id') }};
    end if;
end
$$
{%- endmacro %}

{% macro profiles_touched(changed_id) -%}
insert into {{ touched_profiles_remembered() }}
select distinct
    all_rows.linkedin_url,
    {{ sql_text(run_started_at | string) }}::timestamptz
from {{ this }} as all_rows
inner join changed_rows on all_rows.id = changed_rows.{{ changed_id }}
where all_rows.linkedin_url is not null
{%- endmacro %}

{#- The time of the build that the export was last made by; empty where profiles may have been touched since and nobody knows which. -#}
{% macro profiles_known_since() -%}
{%- set results, remembered = results_remembered(), touched_profiles_remembered() -%}
{%- if not execute or none in run_query(
    "select to_regclass(" ~ sql_text(results) ~ ")::text, to_regclass(" ~ sql_text(remembered) ~ ")::text"
).rows[0].values() -%}
    {{ return('') }}
{%- endif -%}
{{ return(run_query(
    "select coalesce(max(finished_at)::text, '') from " ~ results ~ " where unique_id = 'model." ~ project_name ~ ".person_export'"
    ~ " and status = 'success' and finished_at >= (select max(touched_at) from " ~ remembered ~ " where linkedin_url is null)"
).columns[0].values()[0]) }}
{%- endmacro %}

{% macro touched_profiles_remembered() -%}
{{ return(adapter.quote(target.schema ~ '_intermediate') ~ '.touched_profiles_remembered') }}
{%- endmacro %}
