"""Find copies with Splink: run by the Python of Splink's own environment, see `demo.bench_duplicates`.

`python peer_splink.py RECORDS.csv PAIRS.csv`: record_id, name, root_domain, linkedin, city and country, cleaned by us
beforehand; out go pairs with their match probability. Settings as its own tutorial has them for one table.
"""

from __future__ import annotations

import logging
import sys

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.disable(logging.WARNING)
records = pd.read_csv(sys.argv[1], dtype=str).replace({float("nan"): None})
settings = SettingsCreator(
    link_type="dedupe_only",
    unique_id_column_name="record_id",
    comparisons=[
        cl.JaroWinklerAtThresholds("name", [0.95, 0.88]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("root_domain").configure(term_frequency_adjustments=True),
        cl.ExactMatch("linkedin"),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.ExactMatch("country"),
    ],
    blocking_rules_to_generate_predictions=[
        block_on("name"),
        block_on("root_domain"),
        block_on("linkedin"),
        block_on("substr(name, 1, 5)", "city"),
    ],
)
linker = Linker(records, settings, DuckDBAPI())
linker.training.estimate_probability_two_random_records_match(
    [block_on("linkedin"), block_on("name", "root_domain")], recall=0.6
)
linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
for rule in (block_on("name"), block_on("linkedin"), block_on("root_domain")):
    linker.training.estimate_parameters_using_expectation_maximisation(rule)
pairs = linker.inference.predict(threshold_match_probability=0.5).as_pandas_dataframe()
pairs[["record_id_l", "record_id_r", "match_probability"]].to_csv(sys.argv[2], index=False)
