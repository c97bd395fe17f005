{#-
    What stands in some columns, as a query: one row for each different cell of a column, with how many rows it stands in. Columns are
    (source table, model, column as people know it, column or expression); `of_people` is the one of people, whose cells are counted
    already. Blank cells are left out behind the fence, or each row would be cleaned twice.
-#}
{% macro cells_found(of_people, columns, cell) -%}
select
        source_table,
        column_name,
        {{ cell }},
        cells
    from (
        select
            'extracted.person_discovery' as source_table,
            column_name,
            cell as {{ cell }},
            cells
        from {{ ref('int_people_cells') }}
        where column_name = '{{ of_people }}'
        {%- for source_table, model, column, expression in columns %}
        union all
        select
            '{{ source_table }}' as source_table,
            '{{ column }}' as column_name,
            {{ expression }} as {{ cell }},
            count(*) as cells
        from {{ model }}
        group by {{ expression }}
        {%- endfor %}
        offset 0
    ) as all_cells
    where {{ cell }} is not null
{%- endmacro %}
