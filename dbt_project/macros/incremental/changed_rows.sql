{#-
    Pre-hooks of an incremental table. `find_changed_rows` compares what the sources say with what the table was made from, both ways
    (a full join), so that new, changed, late and deleted rows are all found by looking, not by a time stamp; where the model before
    it remembers what it changed (touched profiles and cells), it takes that. A table, and analyzed: the planner takes a guessed number
    of changes for all rows or for one, and either is a plan that never ends. Where there is an index, what changed is looked up by
    it: by Postgres's default, which is of disks that turn, reading a million rows would be cheaper than looking up ten thousand.
    `delete_changed_rows` takes out what is gone or changed; the model's own query makes what is new or changed.
-#}
{% macro find_changed_rows(query) -%}
{%- if is_incremental() -%}
create temporary table changed_rows on commit drop as
{{ query }};
analyze changed_rows;
set local random_page_cost = 1.1
{%- endif -%}
{%- endmacro %}

{% macro delete_changed_rows(columns) -%}
{%- if is_incremental() -%}
delete from {{ this }} as made using changed_rows
where
    {%- for column in columns %}
    made.{{ column }} = changed_rows.made_{{ column }}{{ ' and' if not loop.last }}
    {%- endfor %}
{%- endif -%}
{%- endmacro %}

{#-
    The condition that leaves only rows to be made anew, where `column` is one of the staging view's: as an array, which the planner
    takes into the view, so that a row that did not change is not cleaned only to be dropped. Of tables rather join `changed_rows`:
    of an array the planner believes that it is short.
-#}
{% macro is_to_be_made(column, of='true') -%}
{{ column }} = any(array(select changed_rows.{{ column }} from changed_rows where {{ of }}))
{%- endmacro %}

{#-
    Post-hook of all tables: what the planner knows of one is kept true where it was made anew, or a tenth of it or more changed, as
    Postgres itself does a while later; after a few changes it would only cost the time to read the table. Of a table never looked at
    it takes any few rows for likely to be alike, and hashes a million people to look them up in a hundred. One made anew has no
    comment yet.
-#}
{% macro analyze_if_much_changed() -%}
{%- if model.resource_type == 'seed' -%}
analyze {{ this }};
{%- elif model.config.materialized != 'view' -%}
do $$
begin
    if obj_description({{ sql_text(this | string) }}::regclass, 'pg_class') is not null then
        if not {{ changed_rows_were_found() }} then
            return;
        end if;
        if (select count(*) * 10 < (select reltuples from pg_class where oid = {{ sql_text(this | string) }}::regclass) from changed_rows) then
            return;
        end if;
    end if;
    analyze {{ this }};
end
$$;
{%- endif -%}
{%- endmacro %}

{#- Post-hooks ask the database: behind the model dbt no longer knows whether it went on with the table or made it anew. -#}
{% macro changed_rows_were_found() -%}
(to_regclass('pg_temp.changed_rows') is not null)
{%- endmacro %}
