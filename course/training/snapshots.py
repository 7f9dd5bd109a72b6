"""The whole state of a run as one nested dict, its way back, and what makes two runs the same run."""

from dataclasses import asdict

import torch
from accelerate.utils import gather_object

from course.training import schedules, seeds
from course.training.checkpoints import CheckpointError
from course.training.history import History


def take(run, configuration):
    """Everything that a resumed run needs to go on as if it had never stopped. All processes take part.

    What differs between processes (carried state, torch's own generators) is kept for each of them.
    """
    own = {"carry": _each(run.carry, lambda t: t.detach().cpu()), "global": seeds.global_state(run.device)}
    return {
        "configuration": configuration,
        "step": run.step,
        "models": [model.state_dict() for model in run.models],
        "averages": [average and average.state() for average in run.averages],
        "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
        "schedulers": [scheduler.state_dict() for scheduler in run.schedulers],
        "draws": run.draws.get_state(),
        "processes": gather_object([own]),
        "history": asdict(run.history),
    }


def restore(run, state):
    """Put `run` where `take` found it."""
    run.step = state["step"]
    for model, saved in zip(run.models, state["models"], strict=True):
        model.load_state_dict(saved)
    for average, saved in zip(run.averages, state["averages"], strict=True):
        if average:
            average.load(saved)
    for part, saved in zip(run.optimizers, state["optimizers"], strict=True):
        part.load_state_dict(saved)
    for part, saved in zip(run.schedulers, state["schedulers"], strict=True):
        part.load_state_dict(saved)
    run.draws.set_state(state["draws"])
    own = state["processes"][run.process]
    run.carry = _each(own["carry"], lambda t: t.to(run.device))
    seeds.set_global_state(own["global"], run.device)
    run.history = History(**{**state["history"], "interrupted": False})


def configuration(run, batches, epochs):
    """What must be the same for a checkpoint to fit a run: name -> value as text."""
    facts = {
        "data": batches.fingerprint(),
        "epochs": epochs,
        "batch_size": batches.batch_size,
        "steps_per_epoch": batches.per_epoch,
        "shuffle": batches.shuffle,
        "seed": run.seed,
        "schedule": schedules.name(run.schedule),
        "clip": run.clip,
        "average": [average and average.decay for average in run.averages],
        "precision": run.precision,
        "processes": run.processes,
    }
    for i, model in enumerate(run.models):
        for name, tensor in model.state_dict().items():
            facts[f"model {i}, {name}"] = f"{tuple(tensor.shape)} {str(tensor.dtype)[6:]}"
    for i, optimizer in enumerate(run.optimizers):
        facts[f"optimizer {i}"] = type(optimizer).__name__
        for j, setting in enumerate(schedules.settings(optimizer)):
            facts[f"optimizer {i}, group {j}, parameters"] = len(optimizer.param_groups[j]["params"])
            for name, value in setting.items():
                facts[f"optimizer {i}, group {j}, {name}"] = value
    return {name: str(value) for name, value in facts.items()}


def refuse_other(path, saved, now):
    """Raise a CheckpointError that names each difference between two configurations."""
    names = [name for name in {**saved, **now} if saved.get(name) != now.get(name)]
    if names:
        lines = [
            f"  {name}: {saved.get(name, 'absent')} in the checkpoint, {now.get(name, 'absent')} now"
            for name in names
        ]
        more = [f"  and {len(lines) - 8} more"] if len(lines) > 8 else []
        raise CheckpointError(
            f"The checkpoint {path} is of another configuration:\n" + "\n".join(lines[:8] + more) + "\n"
            "Give the run the checkpoint's values, or start anew (without resume=True or under another name)."
        )


def _each(nested, change):
    """`nested` (tuples, lists, dicts of tensors, or None) with `change` applied to each tensor."""
    if isinstance(nested, torch.Tensor):
        return change(nested)
    if isinstance(nested, dict):
        return {key: _each(value, change) for key, value in nested.items()}
    if isinstance(nested, (tuple, list)):
        return type(nested)(_each(value, change) for value in nested)
    return nested
