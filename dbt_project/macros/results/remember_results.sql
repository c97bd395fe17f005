{#-
    On-run-end: how each model, seed and test ended, kept in a table: `run_results.json` is rewritten by every later command. The
    sync holds back what depends on a failure. `finished_at` is the run's start, the same for all that one run did.
-#}
{% macro remember_results(results) -%}
{%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'retry') and results -%}
{%- set table = adapter.quote(target.schema ~ '_intermediate') ~ '.results_remembered' -%}
{%- set rows = [] -%}
{%- for result in results if result.node.resource_type in ('model', 'seed', 'snapshot', 'test') -%}
    {%- do rows.append({
        'unique_id': result.node.unique_id,
        'status': result.status | string,
        'message': (result.message or '') | replace('\n', ' ') | truncate(300, true),
    }) -%}
{%- endfor -%}
{%- if rows -%}
{%- do run_query("create schema if not exists " ~ adapter.quote(target.schema ~ '_intermediate')) -%}
{%- do run_query(
    "create table if not exists " ~ table
    ~ " (unique_id text primary key, status text not null, message text, finished_at timestamptz not null)"
) -%}
{%- do run_query(
    "comment on table " ~ table ~ " is "
    ~ comment_with_marker("One row is a model, seed or test and how it last ended; the sync holds back what depends on a failure.")
) -%}
{%- do run_query(
    "insert into " ~ table ~ " select unique_id, status, message, " ~ sql_text(run_started_at | string) ~ "::timestamptz"
    ~ " from json_to_recordset(" ~ sql_text(tojson(rows)) ~ ") as ended (unique_id text, status text, message text)"
    ~ " on conflict (unique_id) do update set status = excluded.status, message = excluded.message,"
    ~ " finished_at = excluded.finished_at; commit"
) -%}
{%- endif -%}
{%- endif -%}
{%- endmacro %}
