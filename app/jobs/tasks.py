"""A harmless demonstration: steps, progress and a result, to see how tasks behave."""

import time

from app.tasks import Running, task

GATHER, WORK, TIDY = "Gather the numbers", "Add them up", "Write the answer"


@task("Demonstration", steps=(GATHER, WORK, TIDY))
def demonstration(job: Running, size: int = 20, pause: float = 0.15) -> dict[str, int]:
    """Add the numbers from 1 to ``size``, slowly enough to be watched."""
    job.step(GATHER)
    time.sleep(pause)
    job.step(WORK)
    total = 0
    for value in range(1, size + 1):
        total += value
        job.progress(value * 100 // size, f"Added {value} of {size} numbers")
        time.sleep(pause)
    job.step(TIDY)
    time.sleep(pause)
    return {"sum": total}
