with

crm_people as (

    select * from {{ ref('stg_attio__people') }}

),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

attached as (

    select * from {{ ref('stg_attio__attached') }}

),

-- a name without accents, dots and case; the parts where Attio has them
keyed as (

    select
        crm_people.record_id::text as record_id,
        crm_people.full_name,
        {{ folded_words('crm_people.full_name') }} as name_key,
        {{ folded_words('crm_people.first_name') }} as first_name_key,
        {{ folded_words('crm_people.last_name') }} as last_name_key,
        crm_people.email_addresses,
        crm_people.company_record_id::text as company_record_id,
        crm_people.last_interaction_at,
        crm_people.web_url,
        crm_people.created_at,
        linkedin_urls.linkedin_url_normalized as linkedin_url,
        linkedin_urls.linkedin_slug
    from crm_people
    left join linkedin_urls
        on crm_people.linkedin_url_raw = linkedin_urls.linkedin_url_raw and linkedin_urls.linkedin_kind = 'person'

),

office_mailboxes (mailbox) as (

    values
    ('admin'),
    ('billing'),
    ('careers'),
    ('contact'),
    ('events'),
    ('finance'),
    ('hello'),
    ('help'),
    ('hi'),
    ('hr'),
    ('info'),
    ('invoices'),
    ('it'),
    ('jobs'),
    ('legal'),
    ('mail'),
    ('marketing'),
    ('media'),
    ('news'),
    ('no-reply'),
    ('noreply'),
    ('office'),
    ('orders'),
    ('partners'),
    ('people'),
    ('pr'),
    ('press'),
    ('recruiting'),
    ('sales'),
    ('service'),
    ('support'),
    ('team'),
    ('webmaster')

),

-- jo+news@acme.com is jo@acme.com; an office's mailbox is no person
mailboxes as (

    select
        keyed.record_id,
        string_agg(
            distinct split_part(split_part(lower(listed.address), '@', 1), '+', 1)
            || '@' || split_part(lower(listed.address), '@', 2),
            ' '
        ) as email_keys
    from keyed
    cross join {{ json_texts('keyed.email_addresses') }} as listed (address)
    where
        listed.address like '%_@_%'
        and split_part(split_part(lower(listed.address), '@', 1), '+', 1) not in (
            select office_mailboxes.mailbox from office_mailboxes
        )
    group by keyed.record_id

),

identified as (

    select
        -- keys
        keyed.record_id,
        keyed.company_record_id,

        -- text
        keyed.full_name,
        keyed.name_key,
        keyed.first_name_key,
        keyed.last_name_key,
        keyed.linkedin_url,
        keyed.linkedin_slug,
        mailboxes.email_keys,
        keyed.web_url,

        -- lists
        keyed.email_addresses,

        -- numbers
        coalesce(attached.entry_count, 0) as entry_count,
        coalesce(attached.note_count, 0) as note_count,
        coalesce(attached.task_count, 0) as task_count,
        row_number() over (
            order by
                coalesce(attached.entry_count + attached.note_count, 0) desc,
                keyed.last_interaction_at desc nulls last,
                mailboxes.email_keys is not null desc,
                keyed.company_record_id is not null desc,
                keyed.linkedin_url is not null desc,
                keyed.created_at asc nulls last,
                keyed.record_id collate "C" -- noqa: RF02
        ) as survivor_rank,

        -- timestamps
        keyed.created_at
    from keyed
    left join attached on keyed.record_id = attached.record_id::text
    left join mailboxes on keyed.record_id = mailboxes.record_id

)

select * from identified
