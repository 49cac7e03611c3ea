"""Optuna's NSGA-II."""

import numpy as np
import optuna
from pymoo.core.problem import Problem

from benchmarks.peers.quality import reduced
from benchmarks.peers.run import Run, answer, timed

OPTUNA = "Optuna NSGA-II"


def run_optuna(problem: Problem, size: int, generations: int, seed: int) -> Run:
    """Run it; its answer is the front of all its trials, reduced to `size` as ours is."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    constraints = (lambda trial: trial.user_attrs["excesses"]) if problem.n_ieq_constr else None
    sampler = optuna.samplers.NSGAIISampler(population_size=size, seed=seed, constraints_func=constraints)
    study = optuna.create_study(directions=["minimize"] * problem.n_obj, sampler=sampler)

    def objective(trial: optuna.Trial) -> tuple[float, ...]:
        bounds = enumerate(zip(problem.xl.tolist(), problem.xu.tolist(), strict=True))
        point = np.array([trial.suggest_float(f"x{index}", low, high) for index, (low, high) in bounds])
        values, excesses = problem.evaluate(point[None, :], return_values_of=["F", "G"])
        trial.set_user_attr("excesses", excesses[0].tolist())
        return tuple(values[0].tolist())

    _, seconds = timed(lambda: study.optimize(objective, n_trials=size * generations))
    trials = study.best_trials
    values = np.array([trial.values for trial in trials]).reshape(-1, problem.n_obj)
    excesses = np.array([trial.user_attrs["excesses"] for trial in trials]).reshape(len(trials), problem.n_ieq_constr)
    return answer(*reduced(values, excesses, size), size * generations, seconds)
