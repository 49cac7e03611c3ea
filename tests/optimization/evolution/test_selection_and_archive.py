# pyright: reportMissingTypeStubs=false
import moocore
import numpy as np
import pytest
from pymoo.util.ref_dirs import get_reference_directions

from voicehive.optimization.evolution.archive import Archive, reduce
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.evolution.reference_directions import reference_directions
from voicehive.optimization.evolution.selection import cover, normalized, shortfall, survivors
from voicehive.optimization.front import thin


def population(objectives, excesses=None):
    nothing = np.zeros((len(objectives), 0))
    return Population(objectives, objectives, nothing if excesses is None else excesses, nothing)


@pytest.mark.parametrize("objectives", [1, 2, 3, 5, 10])
def test_survivors_fill_whole_fronts_first_as_moocore_ranks_them(objectives):
    values = np.random.default_rng(objectives).random((60, objectives))
    rows = survivors(values, np.zeros(60), 30)
    ranks = moocore.pareto_rank(values)
    assert len(set(rows.tolist())) == 30
    assert sorted(ranks[rows]) == sorted(ranks)[:30]
    assert (np.diff(ranks[rows]) >= 0).all()


def test_feasible_rows_survive_before_any_infeasible_and_those_by_violation():
    values = np.random.default_rng(1).random((10, 2))
    violations = np.array([0, 3, 0, 1, 0, 2, 9, 8, 7, 6.0])
    assert set(survivors(values, violations, 5)[:3].tolist()) == {0, 2, 4}
    assert survivors(values, violations, 5)[3:].tolist() == [3, 5]


@pytest.mark.parametrize("objectives", [2, 5])
def test_shortfall_is_the_distance_of_moocores_igd_plus(objectives):
    rng = np.random.default_rng(0)
    chosen, wanted = rng.random((20, objectives)), rng.random((30, objectives))
    mean = np.sqrt(shortfall(chosen, wanted)).min(axis=0).mean()
    assert mean == pytest.approx(moocore.igd_plus(chosen, ref=wanted), rel=1e-5)


def test_cover_takes_every_non_dominated_row_before_any_other():
    values = np.random.default_rng(4).random((80, 3))
    best = np.flatnonzero(moocore.is_nondominated(values))
    assert set(cover(values, 79)[: len(best)].tolist()) == set(best.tolist())


def test_farthest_first_spreads_within_twice_the_least_possible_gap():
    points = np.linspace(0.0, 1.0, 1_001)[:, None] * [1.0, -1.0]
    rows = thin(points, 11)
    gap = np.abs(points[:, None, 0] - points[rows, 0]).min(axis=1).max()
    assert gap <= 2.0 * 0.05 + 1e-9  # 11 centres at best leave 1/20 on either side


@pytest.mark.parametrize(("objectives", "partitions", "count"), [(2, 99, 100), (3, 12, 91), (5, 6, 210)])
def test_reference_directions_are_das_and_dennis_as_pymoo_draws_them(objectives, partitions, count):
    theirs = get_reference_directions("das-dennis", objectives, n_partitions=partitions)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    ours = reference_directions(objectives, count)
    np.testing.assert_allclose(
        np.sort(ours @ np.arange(1.0, objectives + 1)), np.sort(theirs @ np.arange(1.0, objectives + 1))
    )


def test_ten_objectives_have_the_275_directions_in_two_layers_of_deb_and_jain():
    assert reference_directions(10, 276).shape == (275, 10)


@pytest.mark.parametrize("objectives", [2, 5])
def test_an_archive_is_bounded_and_keeps_the_best_of_each_objective(objectives):
    rng = np.random.default_rng(0)
    directions = np.abs(rng.normal(size=(5_000, objectives)))
    front = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    archive = Archive(200, wanted=101)
    for part in np.split(front, 50):
        archive.add(population(part))
    kept = archive.rows
    assert 101 <= len(kept.points) <= 200
    np.testing.assert_array_equal(kept.objectives.min(axis=0), front.min(axis=0))
    assert moocore.is_nondominated(kept.objectives).all()


def sphere(count, objectives, rng):
    directions = np.abs(rng.normal(size=(count, objectives)))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_many_objectives_are_normalized_by_the_intercepts_whatever_lies_far_out():
    # The sphere of DTLZ2 in units of 1, 10, 100 and 1000 meets its axes there; one row is far out, hardly better.
    units = 10.0 ** np.arange(4)
    front = np.concatenate([sphere(200, 4, np.random.default_rng(5)), np.eye(4)]) * units
    far = np.append(np.full(3, 0.3) * units[:3], 40.0 * units[3])
    np.testing.assert_allclose(normalized(np.vstack([front, far]))[:-1], front / units, atol=1e-9)


def test_fronts_without_a_plane_through_their_extremes_are_normalized_by_their_worst_values():
    values = np.column_stack([np.linspace(0.0, 4.0, 50)] * 4) + np.random.default_rng(6).random((50, 4))
    span = np.ptp(values, axis=0)
    np.testing.assert_allclose(normalized(values), (values - values.min(axis=0)) / span)


def test_an_archive_of_many_objectives_keeps_old_rows_that_no_newer_ones_stand_for():
    rng = np.random.default_rng(8)
    front = sphere(4_000, 6, rng)
    ordered = front[np.argsort(front[:, 0], kind="stable")]  # the newest lie in one corner
    archive = Archive(400)
    for part in np.split(ordered, 40):
        archive.add(population(part))
    kept = archive.rows.objectives
    newest = moocore.igd_plus(ordered[-len(kept) :], ref=front)
    sampled = moocore.igd_plus(front[rng.choice(len(front), len(kept), replace=False)], ref=front)
    assert moocore.igd_plus(kept, ref=front) < min(newest, 1.25 * sampled)


def test_an_empty_archive_says_so():
    with pytest.raises(ValueError, match="add evaluated rows first"):
        _ = Archive(10).rows


def test_an_archive_without_anything_feasible_keeps_the_least_violating():
    values = np.random.default_rng(0).random((100, 2))
    archive = Archive(10)
    archive.add(population(values, np.arange(100.0, 0.0, -1.0)[:, None]))
    assert archive.rows.violations.tolist() == list(range(1, 11))
    assert archive.rows.take(reduce(archive.rows, 3)).violations.tolist() == [1, 2, 3]
    archive.add(population(values[:1], np.zeros((1, 1))))
    assert archive.rows.violations.tolist() == [0.0]


def test_reducing_a_dense_front_of_zdt1_keeps_the_ideal_hypervolume_of_100_points():
    first = np.linspace(0.0, 1.0, 2_000)
    front = population(np.column_stack([first, 1.0 - np.sqrt(first)]))
    rows = reduce(front, 100)
    assert len(rows) == 100
    assert moocore.hypervolume(front.objectives[rows], ref=np.full(2, 1.1)) == pytest.approx(0.8714, rel=5e-4)


@pytest.mark.parametrize("objectives", [2, 3, 6])
def test_permuting_objectives_or_rescaling_units_leaves_the_reduction_as_it_is(objectives):
    rng = np.random.default_rng(7)
    directions = np.abs(rng.normal(size=(400, objectives)))
    front = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    rows = reduce(population(front), 30)
    order = rng.permutation(objectives)
    np.testing.assert_array_equal(reduce(population(front[:, order]), 30), rows)
    np.testing.assert_array_equal(reduce(population(front * 2.0 ** np.arange(objectives)), 30), rows)


def test_a_reduction_beyond_three_objectives_is_nearer_in_igd_plus_than_an_even_spread():
    rng = np.random.default_rng(2)
    directions = np.abs(rng.normal(size=(1_000, 6)))
    front = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    ours = moocore.igd_plus(front[reduce(population(front), 40)], ref=front)
    assert ours < moocore.igd_plus(front[thin(front, 40)], ref=front)
