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
        {{ employees_tidied('employees_raw') }} as employees
    from distinct_cells

),

-- '501-1k', '355', '10k+', 'over-10k'; whatever else stands there (prose, dates) is not read
taken_apart as (

    select
        employees_raw,
        {{ employees_from('employees') }} as employees_from,
        {{ employees_to('employees') }} as employees_to,
        {{ employees_over('employees') }} as employees_over
    from tidied

),

bounds as (

    select
        employees_raw,
        {{ employees_counted('employees_from') }} as at_least,
        {{ employees_counted('employees_to') }} as at_most,
        {{ employees_counted('employees_over') }} as more_than
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
