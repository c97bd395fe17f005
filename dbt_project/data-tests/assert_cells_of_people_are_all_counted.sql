-- Cells of people are counted by what comes and goes. Were one to be lost, nobody would look it up, and its people would be left out.
with

people as (

    select
        count(company_domain_raw) as company_domain,
        count(company_name_raw) as latest_company,
        count(location_raw) as location_name
    from {{ ref('int_people_read') }}

),

found as (

    select
        'company_domain' as column_name,
        company_domain as cells
    from people
    union all
    select
        'latest_company' as column_name,
        latest_company as cells
    from people
    union all
    select
        'location_name' as column_name,
        location_name as cells
    from people

),

-- what another build has changed meanwhile is remembered, and not taken into account yet
counted as (

    select
        column_name,
        sum(cells) as cells
    from (
        select
            column_name,
            cells
        from {{ ref('int_people_cells') }}
        union all
        select
            column_name,
            cells
        from {{ touched_cells_remembered() }}
    ) as all_cells
    group by column_name

)

select
    found.column_name,
    found.cells,
    counted.cells as cells_counted
from found
left join counted on found.column_name = counted.column_name
where
    found.cells != coalesce(counted.cells, 0)
    -- a line without a column: all is to be counted
    and not exists (select 1 from {{ touched_cells_remembered() }} where column_name is null)
