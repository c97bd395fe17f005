{#-
    Which profiles an export must make anew: those that rows were taken from or added to since it was last built. To find them in the
    rows themselves would be to group a million. `remember_touched_profiles` is a hook of the model that holds the rows, before they are
    taken out and after new ones are in; its table says by a line without a profile since when nothing is missing in it.
-#}
{% macro remember_touched_profiles(rows) -%}
{%- set remembered = touched_profiles_remembered() -%}
{%- if rows == 'made' %}
create table if not exists {{ remembered }} (linkedin_url text, touched_at timestamptz not null);
comment on table {{ remembered }} is {{ comment_with_marker(
    'Profiles whose rows changed at a build, until the export of people has been built from them. The line without a profile says since when.'
) }};
    {%- if is_incremental() %}
        {%- set known_since = profiles_known_since() %}
        {%- if known_since %}
delete from {{ remembered }} where linkedin_url is not null and touched_at <= {{ sql_text(known_since) }};
        {%- endif %}
    {%- else %}
truncate {{ remembered }};
insert into {{ remembered }} values (null, {{ sql_text(run_started_at | string) }})
    {%- endif %}
{%- endif %}
{%- if is_incremental() %}
insert into {{ remembered }}
select distinct
    all_rows.linkedin_url,
    {{ sql_text(run_started_at | string) }}::timestamptz
from {{ this }} as all_rows
inner join changed_rows on all_rows.id = changed_rows.{{ 'made_id' if rows == 'made' else 'id::text' }}
{%- endif %}
{%- endmacro %}

{#- The time of the build that the export was last made by; empty where profiles may have been touched since and nobody knows which. -#}
{% macro profiles_known_since() -%}
{%- if not execute or none in (run_query(
    "select to_regclass(" ~ sql_text(results_remembered()) ~ ")::text, to_regclass(" ~ sql_text(touched_profiles_remembered()) ~ ")::text"
).rows[0].values()) -%}
    {{ return('') }}
{%- endif -%}
{{ return(run_query(
    "select coalesce(max(results.finished_at)::text, '') from " ~ results_remembered() ~ " as results"
    ~ " where results.unique_id = '" ~ person_export_id() ~ "' and results.status = 'success' and results.finished_at >= ("
    ~ "select max(touched_at) from " ~ touched_profiles_remembered() ~ " where linkedin_url is null)"
).columns[0].values()[0]) }}
{%- endmacro %}

{% macro touched_profiles_remembered() -%}
{{ return(adapter.quote(target.schema ~ '_intermediate') ~ '.touched_profiles_remembered') }}
{%- endmacro %}

{% macro person_export_id() -%}
{{ return('model.' ~ project_name ~ '.person_export') }}
{%- endmacro %}
