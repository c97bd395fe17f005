-- What Attio takes for a value that it showed: needed to hand a value on to another record, or to put it back.

create or replace function attio_sync.written_form(attribute_type text, value jsonb) returns jsonb
language sql
immutable
parallel safe
return case
    when value is null or jsonb_typeof(value) <> 'object' then nullif(value, 'null'::jsonb)
    when attribute_type = 'domain' then value -> 'domain'
    when attribute_type = 'email-address' then coalesce(value -> 'original_email_address', value -> 'email_address')
    when attribute_type = 'phone-number' then jsonb_strip_nulls(jsonb_build_object(
        'original_phone_number', coalesce(value -> 'phone_number', value -> 'original_phone_number'),
        'country_code', value -> 'country_code'
    ))
    when attribute_type = 'select' then coalesce(value #> '{option,title}', value -> 'option')
    when attribute_type = 'status' then coalesce(value #> '{status,title}', value -> 'status')
    when attribute_type = 'currency' then value -> 'currency_value'
    when attribute_type = 'record-reference' then jsonb_build_object(
        'target_object', value -> 'target_object', 'target_record_id', value -> 'target_record_id'
    )
    when attribute_type = 'actor-reference' then jsonb_build_object(
        'referenced_actor_type', value -> 'referenced_actor_type',
        'referenced_actor_id', value -> 'referenced_actor_id'
    )
    when attribute_type = 'personal-name' then jsonb_build_object(
        'first_name', coalesce(value -> 'first_name', '""'),
        'last_name', coalesce(value -> 'last_name', '""'),
        'full_name', coalesce(value -> 'full_name', '""')
    )
    when attribute_type = 'location' then jsonb_build_object(
        'line_1', value -> 'line_1',
        'line_2', value -> 'line_2',
        'line_3', value -> 'line_3',
        'line_4', value -> 'line_4',
        'locality', value -> 'locality',
        'region', value -> 'region',
        'postcode', value -> 'postcode',
        'country_code', value -> 'country_code',
        'latitude', value -> 'latitude',
        'longitude', value -> 'longitude'
    )
    else value -> 'value'
end;
comment on function attio_sync.written_form(text, jsonb) is 'A value as Attio shows it -> the same value as Attio takes it.';
