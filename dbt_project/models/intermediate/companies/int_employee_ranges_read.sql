with

enrichments as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

distinct_cells as (

    select distinct employees as employees_raw
    from enrichments
    where employees is not null

),

tidied as (

    select
        employees_raw,
        translate(
            regexp_replace(lower(employees_raw), '\s|,|employees', '', 'g'),
            '–—', '--'
        ) as employees
    from distinct_cells

),

-- '501-1k', '355', '10k+', 'over-10k'; whatever else stands there (prose, dates) is not read
taken_apart as (

    select
        employees_raw,
        coalesce(
            regexp_match(employees, '^(\d{1,7}(?:\.\d+)?)(k?)-(\d{1,7}(?:\.\d+)?)(k?)$'),
            regexp_match(employees, '^(\d{1,7}(?:\.\d+)?)(k?)$')
        ) as range_parts,
        coalesce(
            regexp_match(employees, '^(\d{1,7}(?:\.\d+)?)(k?)\+$'),
            regexp_match(employees, '^(?:over-?|>)(\d{1,7}(?:\.\d+)?)(k?)$')
        ) as floor_parts
    from tidied

),

bounds as (

    select
        employees_raw,
        range_parts[1]::numeric * case when range_parts[2] = 'k' then 1000 else 1 end as at_least,
        coalesce(range_parts[3], range_parts[1])::numeric
        * case when coalesce(range_parts[4], range_parts[2]) = 'k' then 1000 else 1 end as at_most,
        floor_parts[1]::numeric * case when floor_parts[2] = 'k' then 1000 else 1 end as more_than
    from taken_apart

),

ranges (employee_range, low, high) as (

    values
    ('1-10', 1, 10),
    ('11-50', 11, 50),
    ('51-200', 51, 200),
    ('201-500', 201, 500),
    ('501-1000', 501, 1000),
    ('1001-5000', 1001, 5000),
    ('5001-10000', 5001, 10000)

),

matched as (

    select
        bounds.employees_raw,
        coalesce(
            ranges.employee_range,
            case
                when bounds.more_than >= 10000 or bounds.at_least > 10000 then '10001+'
                when bounds.more_than > 0 then trunc(bounds.more_than)::text || '+'
                -- a range that fits in none of ours says what it says
                when bounds.at_least > 0 and bounds.at_most > bounds.at_least
                    then trunc(bounds.at_least)::text || '-' || trunc(bounds.at_most)::text
            end
        ) as employee_range
    from bounds
    left join ranges
        -- '1K-5K' means what LinkedIn writes as 1,001-5,000
        on
            bounds.at_least + case when bounds.at_least < bounds.at_most then 1 else 0 end >= ranges.low
            and bounds.at_least <= ranges.high
            and bounds.at_most <= ranges.high
            and bounds.at_most >= ranges.low
            and bounds.at_least >= 1

)

select * from matched
