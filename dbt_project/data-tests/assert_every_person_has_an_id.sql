-- Every row of people has an id: one without would be left out of int_people_read, and nobody told. Asked of both, for a test of the
-- view alone would hold up the reading of a million rows.
-- depends_on: {{ ref('int_people_read') }}
select
    id,
    linkedin_url,
    full_name
from {{ ref('stg_extracted__person_discovery') }}
where id is null
