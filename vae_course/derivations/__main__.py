"""List every derivation, check it and plant every mistake: `python -m vae_course.derivations`."""

import sys
import time

from vae_course.derivations.catalogue import all

survived = 0
for derivation in all():
    start = time.perf_counter()
    derivation.check()
    mutants, survivors = derivation.mutants(), derivation.surviving_mutants()
    equivalent = sum(mutant.why_equivalent is not None for mutant in mutants)
    print(
        f"{derivation.name}: {len(derivation.steps)} steps hold, {len(mutants)} mistakes planted, "
        f"{len(mutants) - len(survivors) - equivalent} caught, {equivalent} equivalent, "
        f"{time.perf_counter() - start:.1f} s"
    )
    for mutant in survivors:
        print(f"  not caught: {mutant.change}")
    survived += len(survivors)
sys.exit(1 if survived else 0)
