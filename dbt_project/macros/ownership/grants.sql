{#-
    Replacing a relation would lose what its owner granted on it, and a view goes already when the table under it is replaced. So the
    grants are written down before the build (on-run-start) and given again behind each model (post-hook), whatever the default
    privileges of the schema say. A build that died in between is mended by the next one: what no longer exists keeps its entry.
-#}
{% macro remember_grants() -%}
{%- if execute -%}
{%- set wanted = relations_to_build() -%}
{%- if wanted -%}
{%- set remembered = adapter.quote(target.schema ~ '_intermediate') ~ '.' ~ adapter.quote(remembered_grants_table()) -%}
{%- set rows = [] -%}
{%- for schema, relation in wanted -%}
    {%- do rows.append("(" ~ sql_text(schema) ~ ", " ~ sql_text(relation) ~ ")") -%}
{%- endfor -%}
create schema if not exists {{ adapter.quote(target.schema ~ '_intermediate') }};

create table if not exists {{ remembered }} (
    schema_name text,
    relation_name text,
    column_name text,
    grantee text,
    privilege text,
    is_grantable boolean
);

comment on table {{ remembered }} is {{ comment_with_marker(
    'What was granted on the models when they were last seen: given again when they are replaced. A row without a grantee says that'
    ' a relation was seen.'
) }};

with

wanted (schema_name, relation_name) as (

    values {{ rows | join(', ') }}

),

seen as (

    select
        wanted.schema_name,
        wanted.relation_name,
        pg_class.oid,
        pg_class.relowner,
        pg_class.relacl
    from wanted
    inner join pg_namespace on wanted.schema_name = pg_namespace.nspname
    inner join pg_class on pg_namespace.oid = pg_class.relnamespace and wanted.relation_name = pg_class.relname

),

forgotten as (

    delete from {{ remembered }} as remembered
    using seen
    where remembered.schema_name = seen.schema_name and remembered.relation_name = seen.relation_name

),

granted as (

    select
        seen.schema_name,
        seen.relation_name,
        null::text as column_name,
        seen.relowner,
        acl.grantee,
        acl.privilege_type,
        acl.is_grantable
    from seen
    cross join lateral aclexplode(seen.relacl) as acl
    union all
    select
        seen.schema_name,
        seen.relation_name,
        pg_attribute.attname,
        seen.relowner,
        acl.grantee,
        acl.privilege_type,
        acl.is_grantable
    from seen
    inner join pg_attribute on seen.oid = pg_attribute.attrelid and not pg_attribute.attisdropped
    cross join lateral aclexplode(pg_attribute.attacl) as acl

)

insert into {{ remembered }} (schema_name, relation_name, column_name, grantee, privilege, is_grantable)
select
    granted.schema_name,
    granted.relation_name,
    granted.column_name,
    case when granted.grantee = 0 then 'public' else quote_ident(pg_roles.rolname) end,
    granted.privilege_type,
    granted.is_grantable
from granted
left join pg_roles on granted.grantee = pg_roles.oid
where granted.grantee <> granted.relowner and (granted.grantee = 0 or pg_roles.oid is not null)
union all
select
    schema_name,
    relation_name,
    null,
    null,
    null,
    null
from seen
{%- endif -%}
{%- endif -%}
{%- endmacro %}


{% macro restore_grants() -%}
{#- whom dbt's own config lets in, it has let in already -#}
{%- set let_in = [] -%}
{%- for grantees in (config.get('grants') or {}).values() -%}
    {%- for grantee in ([grantees] if grantees is string else grantees) -%}
        {%- do let_in.append(sql_text(grantee)) -%}
    {%- endfor -%}
{%- endfor -%}
do $restore$
declare
    step text;
begin
    if not exists (
        select 1
        from {{ adapter.quote(target.schema ~ '_intermediate') }}.{{ adapter.quote(remembered_grants_table()) }}
        where schema_name = {{ sql_text(this.schema) }} and relation_name = {{ sql_text(this.identifier) }}
    ) then
        return; -- never seen before: the schema's default privileges hold
    end if;
    for step in
        select format(
            'revoke all on {{ this }} from %s', case when acl.grantee = 0 then 'public' else quote_ident(pg_roles.rolname) end
        )
        from pg_class
        cross join lateral aclexplode(pg_class.relacl) as acl
        left join pg_roles on acl.grantee = pg_roles.oid
        where
            pg_class.oid = {{ sql_text(this | string) }}::regclass
            and acl.grantee <> pg_class.relowner
            {%- if let_in %}
            and coalesce(pg_roles.rolname::text, 'public') not in ({{ let_in | join(', ') }})
            {%- endif %}
        union
        select format(
            'grant %s%s on {{ this }} to %s%s',
            remembered.privilege,
            coalesce(' (' || quote_ident(remembered.column_name) || ')', ''),
            remembered.grantee,
            case when remembered.is_grantable then ' with grant option' else '' end
        )
        from {{ adapter.quote(target.schema ~ '_intermediate') }}.{{ adapter.quote(remembered_grants_table()) }} as remembered
        where
            remembered.schema_name = {{ sql_text(this.schema) }}
            and remembered.relation_name = {{ sql_text(this.identifier) }}
            and remembered.grantee is not null
            and (remembered.grantee = 'public' or remembered.grantee in (select quote_ident(rolname) from pg_roles))
            and (
                remembered.column_name is null
                or remembered.column_name in (
                    select attname from pg_attribute where attrelid = {{ sql_text(this | string) }}::regclass and not attisdropped
                )
            )
        order by 1 desc -- 'revoke' before 'grant'
    loop
        execute step;
    end loop;
end
$restore$
{%- endmacro %}
