"""The cleaning on labelled rows: right as often as we say. `make bench ARGS=accuracy` lists the misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo import bench_accuracy, bench_cleaning
from tests.conftest import _private_project, run_dbt

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from tests.conftest import Server


@pytest.fixture(scope="module")
def cleaned(server: Server, seeded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """Return a database where the cleaning models are built over the labelled rows."""
    database = server.create(template=seeded)
    with database.connect() as connection, _private_project(tmp_path_factory.mktemp("accuracy") / "project") as project:
        bench_accuracy.fill(connection)
        connection.commit()
        run_dbt(project, database, "--quiet", "build", *bench_cleaning.SELECTION).expect(0)
        yield connection
    server.drop(database)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("linkedin", 0.995, 0.005),
        ("names", 0.97, 0.03),
        ("country_code", 0.97, 0.005),
        ("region", 0.94, 0.01),
        ("locality", 0.94, 0.02),
    ],
)
def test_of_labelled_cells_so_many_are_read_right_and_so_few_wrong(
    cleaned: psycopg.Connection, kind: str, right: float, wrong: float
) -> None:
    labelled = bench_accuracy.kinds()[kind]
    score = bench_accuracy.score(labelled, bench_accuracy.ours(cleaned, kind, labelled))
    assert score.share >= right, score.misses
    assert score.wrong <= wrong * len(labelled.cells), score.misses


def test_a_wrong_an_empty_and_a_needless_answer_are_told_apart() -> None:
    labelled = bench_accuracy.Kind("", ["a", "b", "c", "d", "e"], [{"A", "Aa"}, {"B"}, {""}, {"D"}, {"*"}], "")
    score = bench_accuracy.score(labelled, ["Aa", "X", "C", None, "Y"])
    assert (score.right, score.wrong, score.empty) == (2, 2, 1)
    assert [miss[0] for miss in score.misses] == ["b", "c", "d"]
