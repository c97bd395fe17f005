{#-
    How many rows of people each cell stands in, kept and not counted anew: `int_people_read` remembers what its changed rows take away
    and add, in the transaction in which it changes them, and `int_people_cells` takes it into account in its own. A line without a
    column means that all is to be counted. Both models lock these lines before they look at anything: of two builds that overlap, the
    second waits, and then finds what the first has left it. Else a row that both see go would be taken away twice.
-#}

{#- Of each of the cells that are looked up: in how many of the rows it stands, as a query. -#}
{% macro cells_of_people(rows, sign='') -%}
{%- for column, name in [
    ('company_domain_raw', 'company_domain'), ('company_name_raw', 'latest_company'), ('location_raw', 'location_name'),
] %}
select
        '{{ name }}' as column_name,
        {{ column }} as cell,
        {{ sign }}count(*) as cells
    from {{ rows }}
    where {{ column }} is not null
    group by {{ column }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{#- Pre-hook of both, and the first. -#}
{% macro lock_touched_cells() -%}
{{ touched_cells_table() }};
lock table {{ touched_cells_remembered() }} in share row exclusive mode
{%- endmacro %}

{#- Pre-hook of int_people_cells. -#}
{% macro take_touched_cells() -%}
create temporary table touched_cells on commit drop as
select
    ctid as line,
    column_name,
    cell,
    cells
from {{ touched_cells_remembered() }};
delete from {{ touched_cells_remembered() }} as remembered using touched_cells where remembered.ctid = touched_cells.line
{%- endmacro %}

{% macro changes_of_people_cells() -%}
{%- set all_are_counted = 'exists (select 1 from touched_cells where touched_cells.column_name is null)' -%}
select
    told.column_name,
    told.cell,
    told.column_name as made_column_name,
    told.cell as made_cell,
    coalesce(made.cells, 0) + told.cells as cells
from (
    select
        column_name,
        cell,
        sum(cells)::bigint as cells
    from touched_cells
    where column_name is not null
    group by column_name, cell
    having sum(cells) != 0
) as told
left join {{ this }} as made on told.cell = made.cell and told.column_name = made.column_name
where not {{ all_are_counted }}
union all
select
    null as column_name,
    null as cell,
    column_name as made_column_name,
    cell as made_cell,
    0 as cells
from {{ this }}
where {{ all_are_counted }}
union all
select
    column_name,
    cell,
    null as made_column_name,
    null as made_cell,
    cells
from (
    {{ cells_of_people(ref('int_people_read')) }}
) as counted
where {{ all_are_counted }}
{%- endmacro %}

{% macro touched_cells_table() -%}
do $$
begin
    if to_regclass({{ sql_text(touched_cells_remembered()) }}) is null then
        create table {{ touched_cells_remembered() }} (column_name text, cell text, cells bigint);
        comment on table {{ touched_cells_remembered() }} is {{ comment_with_marker(
            'How many rows of people each cell gained or lost at a build, until int_people_cells has taken it into account.'
            ~ ' A line without a column means that all is to be counted.'
        ) }};
        insert into {{ touched_cells_remembered() }} values (null, null, null);
    end if;
end
$$
{%- endmacro %}

{% macro touched_cells_remembered() -%}
{{ return(adapter.quote(target.schema ~ '_intermediate') ~ '.touched_cells_remembered') }}
{%- endmacro %}
