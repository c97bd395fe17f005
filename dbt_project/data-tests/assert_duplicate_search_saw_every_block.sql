{{ config(severity='warn') }}

-- More records share one key than can be told apart by it: their pairs were not compared, unless another key brings
-- them together.
select distinct
    block_kind,
    block_key,
    record_count
from {{ ref('int_crm_company_blocks') }}
where is_dropped
