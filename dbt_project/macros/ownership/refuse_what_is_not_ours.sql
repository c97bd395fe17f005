{#-
    On-run-start: stop before anything is built when dbt would

    - replace a relation that it did not make: one of that name exists and its comment lacks the marker;
    - drop, by its cascade, what somebody hung on a relation that it replaces: a view, a foreign key, a function that returns its
      rows, a policy.

    The catalog is walked through our own relations too: a view of the owner's on a view of ours on a table of ours goes with
    the table. A view of ours that is dropped so and not built again in this run (`dbt build -s one_model`) is named in a warning.
-#}
{% macro refuse_what_is_not_ours() -%}
{%- if execute -%}
{%- set wanted = relations_to_build() -%}
{%- if wanted -%}
    {%- set found = run_query(what_a_build_would_drop(wanted)) -%}
    {%- set foreign, hanging, lost = [], [], [] -%}
    {%- for row in found.rows -%}
        {%- if row['finding'] == 'not_ours' -%}{%- do foreign.append(row['relation']) -%}{%- endif -%}
        {%- if row['finding'] == 'depends' -%}{%- do hanging.append(row['dependent'] ~ ' (on ' ~ row['relation'] ~ ')') -%}{%- endif -%}
        {%- if row['finding'] == 'lost' -%}{%- do lost.append(row['dependent']) -%}{%- endif -%}
    {%- endfor -%}
    {%- if foreign -%}
        {{ exceptions.raise_compiler_error(
            named(foreign) ~ ": not made by this project, and dbt would replace it. Rename it, or choose another schema in"
            ~ " profiles.yml; if it is an older build of this project: dbt run-operation adopt --args '{relation: "
            ~ foreign[0] ~ "}'"
        ) }}
    {%- endif -%}
    {%- if hanging -%}
        {{ exceptions.raise_compiler_error(
            named(hanging) ~ ": not made by this project, and dbt's rebuild would drop it. Drop it before the build and create it again"
            ~ " after, or point it at a copy of the data"
        ) }}
    {%- endif -%}
    {%- if lost -%}
        {{ exceptions.warn(
            named(lost) ~ ": hangs on what this run replaces, is dropped with it and not selected: build it again (dbt build -s 'model+')"
        ) }}
    {%- endif -%}
{%- endif -%}
{%- endif -%}
{%- endmacro %}


{% macro what_a_build_would_drop(wanted) -%}
{%- set rows = [] -%}
{%- for schema, relation in wanted -%}
    {%- do rows.append("(" ~ sql_text(schema) ~ ", " ~ sql_text(relation) ~ ")") -%}
{%- endfor -%}
with recursive

wanted (schema_name, relation_name) as (

    values {{ rows | join(', ') }}

),

-- dbt builds beside a relation and keeps the old one until it has committed: those names are its own as well
existing as (

    select
        pg_class.oid,
        -- in full: what a bare name would mean depends on the search path
        format('%I.%I', pg_namespace.nspname, pg_class.relname) as relation,
        coalesce(position({{ sql_text(marker()) }} in obj_description(pg_class.oid, 'pg_class')) > 0, false) as is_ours
    from wanted
    inner join pg_namespace on wanted.schema_name = pg_namespace.nspname
    inner join pg_class
        on
            pg_namespace.oid = pg_class.relnamespace
            and pg_class.relname in (
                wanted.relation_name, wanted.relation_name || '__dbt_tmp', wanted.relation_name || '__dbt_backup'
            )
    where pg_class.relkind in ('r', 'v', 'm', 'f', 'p')

),

-- deptype n: what a cascade drops along with the relation or its row type
dependencies as (

    select
        coalesce(referenced_types.typrelid, pg_depend.refobjid) as relation_oid,
        pg_depend.classid,
        pg_depend.objid,
        pg_depend.objsubid,
        case
            when pg_depend.classid = 'pg_rewrite'::regclass then pg_rewrite.ev_class
            when pg_depend.classid = 'pg_constraint'::regclass then pg_constraint.conrelid
            when pg_depend.classid = 'pg_class'::regclass then pg_depend.objid
        end as dependent_oid
    from pg_depend
    left join pg_type as referenced_types
        on pg_depend.refclassid = 'pg_type'::regclass and pg_depend.refobjid = referenced_types.oid
    left join pg_rewrite on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
    left join pg_constraint on pg_depend.classid = 'pg_constraint'::regclass and pg_depend.objid = pg_constraint.oid
    where
        (
            pg_depend.deptype = 'n'
            -- a policy hangs on its own table as a part of it; it would be gone, and with it who may see which row
            or (pg_depend.deptype = 'a' and pg_depend.classid = 'pg_policy'::regclass)
        )
        and (pg_depend.refclassid = 'pg_class'::regclass or referenced_types.typrelid <> 0)

),

reached (relation_oid, relation, dependent_oid, is_ours, description) as (

    select
        existing.oid,
        existing.relation,
        existing.oid,
        true,
        existing.relation
    from existing
    where existing.is_ours

    union

    select
        reached.relation_oid,
        reached.relation,
        dependencies.dependent_oid,
        coalesce(
            position({{ sql_text(marker()) }} in obj_description(dependencies.dependent_oid, 'pg_class')) > 0, false
        ),
        coalesce(
            (
                select format('%I.%I', pg_namespace.nspname, pg_class.relname)
                from pg_class
                inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
                where pg_class.oid = dependencies.dependent_oid
            ),
            pg_describe_object(dependencies.classid, dependencies.objid, dependencies.objsubid)
        )
    from reached
    inner join dependencies
        on
            reached.dependent_oid = dependencies.relation_oid
            and reached.is_ours
            and dependencies.dependent_oid is distinct from reached.dependent_oid

)

select
    'not_ours' as finding,
    relation,
    null as dependent
from existing
where not is_ours

union

select
    case when is_ours then 'lost' else 'depends' end,
    min(relation),
    description
from reached
where not is_ours or dependent_oid not in (select oid from existing)
group by is_ours, description
order by 1, 2, 3
{%- endmacro %}
