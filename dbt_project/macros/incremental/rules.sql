{#-
    What an incremental model's rows were made by: the code of the model and of every model and macro it rests on, and the content of
    their seeds. Rows are kept only while this stays the same, for a rule that somebody changed holds for all rows. What the sources
    say is not in it: each incremental model finds out by itself which rows changed. Save for a model with `meta: {whole: true}`,
    which is made whole or not at all: which transactions wrote the rows of its sources; but for those of the models under
    `rows_of`, which it compares row by row.
-#}
{% macro rules_of(node) -%}
{%- set waiting, models, seeds, sources, code = [node.unique_id], [], [], [], [] -%}
{%- for _ in range(10000) if waiting -%}
    {%- set unique_id = waiting.pop() -%}
    {%- set found = graph.nodes.get(unique_id) -%}
    {%- if found and found.name in node.config.meta.get('rows_of', []) -%}
        {%- do models.append(unique_id) if unique_id not in models -%}
    {%- elif found and found.resource_type == 'seed' and unique_id not in seeds -%}
        {%- do seeds.append(unique_id) -%}
    {%- elif found and found.resource_type == 'model' and unique_id not in models -%}
        {%- do models.append(unique_id) -%}
        {%- do waiting.extend(found.depends_on.nodes) -%}
    {%- elif unique_id in graph.sources and node.config.meta.whole and unique_id not in sources -%}
        {%- do sources.append(unique_id) -%}
    {%- endif -%}
{%- endfor -%}
{%- for unique_id in sources | sort -%}
    {%- do code.append(asked_once(
        "select sum(hashtextextended(xmin || '/' || ctid, 0))::text from " ~ graph.sources[unique_id].relation_name
    )) -%}
{%- endfor -%}
{%- set waiting, macros = [], [] -%}
{%- for unique_id in models | sort -%}
    {%- do code.append(graph.nodes[unique_id].raw_code) -%}
    {%- do waiting.extend(graph.nodes[unique_id].depends_on.macros) -%}
{%- endfor -%}
{%- for _ in range(10000) if waiting -%}
    {%- set unique_id = waiting.pop() -%}
    {%- if unique_id.startswith('macro.' ~ project_name ~ '.') and unique_id not in macros -%}
        {%- do macros.append(unique_id) -%}
        {%- do waiting.extend(context[unique_id.split('.')[2]].macro.depends_on.macros) -%}
    {%- endif -%}
{%- endfor -%}
{%- for unique_id in macros | sort -%}
    {%- do code.append(context[unique_id.split('.')[2]].macro.macro_sql) -%}
{%- endfor -%}
{%- for unique_id in seeds | sort -%}
    {%- do code.append(asked_once(query_of_content(graph.nodes[unique_id].relation_name))) -%}
{%- endfor -%}
{#- functions that migrations create: the decoding of LinkedIn's URLs, the readers of numbers and dates -#}
{%- do code.append(asked_once(
    "select md5(string_agg(prosrc, chr(10) order by pg_proc.oid::regprocedure::text collate \"C\")) from pg_proc"
    ~ " inner join pg_namespace on pronamespace = pg_namespace.oid where nspname = 'core'"
)) -%}
{{ return(local_md5(code | join('\n'))) }}
{%- endmacro %}

{#-
    The one value of a query, kept for all models of a run. So all of them speak of the same version of a source: what is loaded into
    it while the build runs, the first of them has not read, and none says that it has.
-#}
{% macro asked_once(query) -%}
{%- set answers = graph.setdefault('answers', {}) -%}
{%- if query not in answers -%}
    {%- do answers.update({query: run_query(query).columns[0].values()[0] or ''}) -%}
{%- endif -%}
{{ return(answers[query]) }}
{%- endmacro %}

{#-
    The line of a relation's comment that keeps them; of a seed's, from which file and settings it was filled, and with what; of a
    view's, its query and what that reads. A model's are worked out before it is built, and not again behind it: what its sources are
    told meanwhile, it has not read.
-#}
{% macro rules_line(node) -%}
{%- if not execute -%}
    {{ return('') }}
{%- elif node.resource_type == 'seed' -%}
    {{ return('[rules: ' ~ local_md5(node.checksum.checksum ~ node.config.column_types ~ run_query(query_of_content(this)).columns[0].values()[0]) ~ ']') }}
{%- elif node.unique_id not in model.get('rules_lines', {}) -%}
    {%- set rules = rules_of(node) if node.config.materialized != 'view' else local_md5(node.compiled_code ~ node.description ~ relations_read_by(node)) -%}
    {%- do model.setdefault('rules_lines', {}).update({node.unique_id: '[rules: ' ~ rules ~ ']'}) -%}
{%- endif -%}
{{ return(model.rules_lines[node.unique_id]) }}
{%- endmacro %}

{#-
    The relations that a view's names mean now: put another table in the place of one, and the view would go on reading the old; give
    one a column that it had not, and the view would go on saying that it is null. Of sources, which no build replaces, all at once.
-#}
{% macro relations_read_by(node) -%}
{%- set models = [] -%}
{%- for unique_id in node.depends_on.nodes if unique_id in graph.nodes -%}
    {%- do models.append("to_regclass(" ~ sql_text(graph.nodes[unique_id].relation_name) ~ ")::oid") -%}
{%- endfor -%}
{%- set of_sources = asked_once(
    "select string_agg(concat_ws(' ', attrelid, attname), ' ' order by attrelid, attnum) from pg_attribute"
    ~ " where attnum > 0 and not attisdropped and attrelid in (select to_regclass(name) from json_array_elements_text("
    ~ sql_text(tojson(graph.sources.values() | map(attribute='relation_name') | sort | list)) ~ ") as sources (name))"
) -%}
{%- set of_models = run_query("select concat_ws(' ', " ~ models | sort | join(", ") ~ ")").columns[0].values()[0] if models -%}
{{ return(of_sources ~ '/' ~ of_models) }}
{%- endmacro %}

{#-
    dbt asks this before it goes on with an incremental table, and many times more: after a change of the rules it is built anew, in
    the same way as with --full-refresh.
-#}
{% macro should_full_refresh() -%}
{%- set asked_for = config.get('full_refresh') -%}
{%- if asked_for is none -%}{%- set asked_for = flags.FULL_REFRESH -%}{%- endif -%}
{%- if asked_for or not execute or model.config.materialized != 'incremental' -%}
    {{ return(asked_for) }}
{%- endif -%}
{{ return(rules_line(model) not in comment_before(this)) }}
{%- endmacro %}
