{#-
    What would come out as it is already is left alone: a seed whose table was filled from the same file and still holds what was put
    into it, for seeds are written row by row; a table with `meta: {whole: true}` by its rules and sources (see rules_of); a view with
    the same query on the same tables, for all that is done about a view takes longer than the view. `--full-refresh` makes them anew
    in any case.
-#}
{% materialization seed, adapter='postgres' %}
{%- set filled = unchanged_relation() -%}
{%- if filled is not none -%}
    {%- set nothing = run_query('select 1 as found limit 0') -%}
    {%- do store_result('agate_table', response='OK', agate_table=nothing) -%}
    {{ return({'relations': [filled]}) }}
{%- endif -%}
{{ return(dbt.materialization_seed_default()) }}
{% endmaterialization %}

{% materialization table, adapter='postgres' %}
{%- set made = unchanged_relation() if config.get('meta').get('whole') -%}
{%- if made -%}
    {{ return({'relations': [made]}) }}
{%- endif -%}
{%- set old = load_cached_relation(this) -%}
{%- set target_relation = this.incorporate(type='table') -%}
{%- set new = make_intermediate_relation(target_relation) -%}
{%- do drop_relation_if_exists(load_cached_relation(new)) -%}
{{ run_hooks(pre_hooks, inside_transaction=False) }}
{{ run_hooks(pre_hooks, inside_transaction=True) }}
{% call statement('main') %}
{{ get_create_table_as_sql(False, new, sql) }}
{% endcall %}
{%- do create_indexes(new) -%}
{#- As dbt's own does it, but in one statement and one transaction: its four calls take longer than most tables here. -#}
{% call statement('swap') %}
{{ 'drop ' ~ old.type ~ ' if exists ' ~ old ~ ' cascade;' if old is not none }}
alter table {{ new }} rename to {{ adapter.quote(this.identifier) }}
{% endcall %}
{%- do adapter.cache_dropped(old) if old is not none -%}
{%- do adapter.cache_added(target_relation) -%}
{%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(old, full_refresh_mode=True)) -%}
{{ run_hooks(post_hooks, inside_transaction=True) }}
{%- do persist_docs(target_relation, model) -%}
{%- do adapter.commit() -%}
{{ run_hooks(post_hooks, inside_transaction=False) }}
{{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='postgres' %}
{%- set made = unchanged_relation() -%}
{%- if made is not none -%}
    {{ return({'relations': [made]}) }}
{%- endif -%}
{{ return(dbt.materialization_view_default()) }}
{% endmaterialization %}

{#-
    The table or view, when it is as it would be made; else none. Then dbt is told what became of it. One that an owner has dbt grant
    on or document is made in any case, for dbt does so only to what it makes.
-#}
{% macro unchanged_relation() -%}
{%- set made = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
{%- set is_of_its_kind = made is not none and made.type == ('view' if model.config.materialized == 'view' else 'table') -%}
{%- set is_looked_after = config.get('grants') or config.get('persist_docs') -%}
{%- if not is_of_its_kind or is_looked_after or should_full_refresh() -%}
    {{ return(none) }}
{%- endif -%}
{%- if rules_line(model) not in comment_before(made) -%}
    {{ return(none) }}
{%- endif -%}
{%- call noop_statement('main', 'UNCHANGED', 'UNCHANGED', 0) -%}
select 1
{%- endcall -%}
{{ return(made) }}
{%- endmacro %}

{#-
    What a relation's comment says of its rules, as all of them stood when this run first asked: to ask for each of them by itself is to
    connect for each view that is left alone.
-#}
{% macro comment_before(relation) -%}
{%- set comments = asked_once(
    "select json_object_agg(nspname || '.' || relname, description)::text from pg_description"
    ~ " inner join pg_class on objoid = pg_class.oid inner join pg_namespace on relnamespace = pg_namespace.oid"
    ~ " where classoid = 'pg_class'::regclass and objsubid = 0 and description like '%[rules: %'"
) -%}
{{ return(fromjson(comments or '{}').get(relation.schema ~ '.' ~ relation.identifier, '')) }}
{%- endmacro %}

{#- What stands in a seed's table. -#}
{% macro query_of_content(relation) -%}
{{ return('select md5(string_agg(seed::text, chr(10) order by seed::text collate "C")) from ' ~ relation ~ ' as seed') }}
{%- endmacro %}
