{#-
    What stands in some columns, as a query: one row for each different cell of a column, with how many rows it stands in. Columns are
    (source table, model, column as people know it, column or expression). Blank cells are left out behind the fence, or each row
    would be cleaned twice.
-#}
{% macro cells_found(columns, cell) -%}
select
        source_table,
        column_name,
        {{ cell }},
        cells
    from (
        {%- for source_table, model, column, expression in columns %}
        select
            '{{ source_table }}' as source_table,
            '{{ column }}' as column_name,
            {{ expression }} as {{ cell }},
            count(*) as cells
        from {{ model }}
        group by {{ expression }}
        {{- '\n        union all' if not loop.last }}
        {%- endfor %}
        offset 0
    ) as all_cells
    where {{ cell }} is not null
{%- endmacro %}
