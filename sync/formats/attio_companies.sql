-- Company records as Attio's API gives them, one a line: fills the mirror without a workspace, for trying models on it.
--
-- into: attio_mirror.records
-- reads: ndjson

with

parsed as materialized (

    select
        line_number,
        record::jsonb as company
    from incoming

)

select
    line_number,
    case when company #>> '{id,record_id}' is null then 'no record id' end as left_out,
    'companies' as object,
    (company #>> '{id,record_id}')::uuid as record_id,
    (company ->> 'created_at')::timestamptz as created_at,
    company ->> 'web_url' as web_url,
    company -> 'values' as values
from parsed
