{#-
    People at the companies that Attio holds or, with attio_scope 'all', will hold. Two records carry a profile: which is the person,
    people decide (attio_person_duplicates); until then neither is written and no third is made.
-#}
{% macro people_at_companies_in_scope() -%}
select
            people.*,
            companies.domain as exported_company_domain,
            people_in_crm.record_id
        from {{ ref('person_export') }} as people
        left join {{ ref('int_companies_matched_in_crm') }} as companies_in_crm on people.company_domain = companies_in_crm.domain
        inner join {{ ref('attio_companies') }} as companies
            on coalesce(companies_in_crm.export_domain, people.company_domain) = companies.domain
        left join {{ ref('int_people_matched_in_crm') }} as people_in_crm on people.linkedin_url = people_in_crm.linkedin_url
        where coalesce(people_in_crm.record_count, 0) <= 1
{%- endmacro %}
