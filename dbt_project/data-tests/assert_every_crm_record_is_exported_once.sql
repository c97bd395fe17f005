-- Two rows of the export on one record in Attio would write over each other for ever; the sync refuses both as
-- ambiguous.
select
    record_id,
    count(*) as row_count
from {{ ref('attio_companies') }}
where record_id is not null
group by record_id
having count(*) > 1
